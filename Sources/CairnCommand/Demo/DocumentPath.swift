/// Where a document is, relative to its folder: the bytes that the file system gave, which need not be text.
///
/// Shown, reported and recorded in an escaped form that is one line of harmless text and can be turned back:
/// bytes that are not UTF-8, control characters, characters that reorder or hide text, and the backslash are
/// written `\xHH`, byte by byte. So a file's name can neither forge a line of the report nor steer a
/// terminal.
struct DocumentPath: Hashable, Sendable {
  /// The path as the file system has it, without the terminating zero.
  let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The path of an entry of the folder at this path; the folder itself has the empty path.
  func appending(_ name: [UInt8]) -> DocumentPath {
    DocumentPath(bytes: bytes.isEmpty ? name : bytes + [UInt8(ascii: "/")] + name)
  }

  /// The path as one line of harmless text.
  var escaped: String {
    var text = ""
    var place = 0
    var parser = UTF8.ForwardParser()
    var input = bytes.makeIterator()
    decoding: while true {
      switch parser.parseScalar(from: &input) {
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        if Self.isHarmless(scalar) {
          text.unicodeScalars.append(scalar)
        } else {
          for byte in encoded { Self.append(byte, to: &text) }
        }
        place += encoded.count
      case .error(let length):
        for byte in bytes[place...].prefix(length) { Self.append(byte, to: &text) }
        place += length
      case .emptyInput: break decoding
      }
    }
    return text
  }

  /// The path whose ``escaped`` form is `text`; `nil` if it is no such form.
  init?(escaped text: String) {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard rest.popFirst() == UInt8(ascii: "x"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { return nil }
      rest = rest.dropFirst(2)
      bytes.append(value)
    }
    self.bytes = bytes
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\\" { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: return false
    default: return true
    }
  }

  private static func append(_ byte: UInt8, to text: inout String) {
    let digits = String(byte, radix: 16)
    text += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
  }
}

extension DocumentPath: Comparable {
  /// Byte order: the same everywhere, whatever the language settings.
  static func < (left: DocumentPath, right: DocumentPath) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}

extension DocumentPath: Codable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let path = DocumentPath(escaped: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an escaped path")
    }
    self = path
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(escaped)
  }
}
