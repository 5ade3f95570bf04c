import Foundation
import Testing

/// The examples in `format-spec.md`: each stands in a code block between a marker with its name and an end
/// marker.
///
/// With the environment variable `CAIRN_UPDATE_SPEC` set to 1 a check writes its example instead of comparing.
enum Specification {
  static let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "format-spec.md")
  private static let writing = NSLock()

  static func text() throws -> String { try String(contentsOf: url, encoding: .utf8) }

  /// Compares an example with what the code has written.
  static func check(_ name: String, _ bytes: [UInt8]) throws {
    let block = "```\n" + dump(bytes) + "```\n"
    try writing.withLock {
      let text = try text()
      let begin = try #require(
        text.firstRange(of: "<!-- example:\(name) -->\n"), "format-spec.md has no example \(name)")
      let end = try #require(text[begin.upperBound...].firstRange(of: "<!-- end -->"))
      let shown = text[begin.upperBound..<end.lowerBound]
      if shown != block, ProcessInfo.processInfo.environment["CAIRN_UPDATE_SPEC"] == "1" {
        let updated = text[..<begin.upperBound] + block + text[end.lowerBound...]
        try updated.write(to: url, atomically: true, encoding: .utf8)
      } else {
        #expect(String(shown) == block, "CAIRN_UPDATE_SPEC=1 swift test --filter SpecExamples writes it anew")
      }
    }
  }

  /// Offset, sixteen bytes, and what they are as text. Lines of zeros become one `…`.
  static func dump(_ bytes: [UInt8]) -> String {
    var result = ""
    var skips = false
    for offset in stride(from: 0, to: bytes.count, by: 16) {
      let line = bytes[offset..<min(offset + 16, bytes.count)]
      let isLast = offset + 16 >= bytes.count
      if line.count == 16, line.allSatisfy({ $0 == 0 }), !isLast {
        if !skips { result += "…\n" }
        skips = true
        continue
      }
      skips = false
      let address = hexadecimal(UInt16(truncatingIfNeeded: offset))
      let hex = line.map { hexadecimal($0) }.joined(separator: " ")
      let text = line.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
      result += "\(address)  " + hex + String(repeating: " ", count: 47 - hex.count) + "  \(text)\n"
    }
    return result
  }

  static func hexadecimal<Number: FixedWidthInteger>(_ number: Number) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: Number.bitWidth / 4 - digits.count) + digits
  }
}
