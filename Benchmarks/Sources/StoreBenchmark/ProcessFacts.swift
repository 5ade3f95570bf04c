import BenchmarkKit
import Foundation

/// What the system says about this process.
enum ProcessFacts {
  /// How many threads it has.
  static var threads: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
  }

  /// Bytes handed to write calls so far. (`write_bytes` would count whole folios where a page is rewritten.)
  static var writtenBytes: Int { value(of: "wchar:", in: "/proc/self/io") }

  /// What is resident, in bytes.
  static var residentBytes: Int { value(of: "VmRSS:", in: "/proc/self/status") << 10 }

  private static func value(of key: String, in file: String) -> Int {
    guard let text = SystemText.read(file),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) })
    else { return 0 }
    return Int(line.dropFirst(key.count).filter(\.isNumber)) ?? 0
  }
}
