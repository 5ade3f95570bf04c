import BenchmarkKit
import Foundation

/// Versions of libraries whose C interface does not tell.
enum LibraryVersion {
  /// What stands after `.so.` in the name of the file that is mapped for a library: "7.8.3" for "librocksdb".
  static func mapped(_ library: String) -> String {
    guard let maps = SystemText.read("/proc/self/maps"),
      let line = maps.split(separator: "\n").first(where: { $0.contains("/\(library).so.") }),
      let suffix = line.range(of: ".so.", options: .backwards)
    else { return "unknown" }
    return String(line[suffix.upperBound...])
  }
}
