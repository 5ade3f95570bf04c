import BenchmarkKit
import Foundation

/// What the file of a library tells, where its C interface does not.
enum LibraryFile {
  /// What stands after `.so.` in the name of the file that is mapped for a library: "7.8.3" for "librocksdb".
  static func version(of library: String) -> String {
    guard let path = mappedFile(library), let suffix = path.range(of: ".so.", options: .backwards) else {
      return "unknown"
    }
    return String(path[suffix.upperBound...])
  }

  /// What has to be said where a distribution builds a library with assertions (without `NDEBUG`), as Debian does:
  /// upstream's own builds have none in a release, and are faster for it.
  static func remark(on library: String) -> String {
    guard let path = mappedFile(library),
      let content = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe),
      content.range(of: Data("__assert_fail".utf8)) != nil
    else { return "" }
    return "; the distribution's build, which has assertions"
  }

  private static func mappedFile(_ library: String) -> String? {
    let maps = SystemText.read("/proc/self/maps")
    guard let line = maps?.split(separator: "\n").first(where: { $0.contains("/\(library).so.") }),
      let start = line.firstIndex(of: "/")
    else { return nil }
    return String(line[start...])
  }
}
