/// A collection whose own `encode(to:)` writes an array in an order that differs from run to run.
///
/// The encoder sorts its elements, or its pairs of key and value, by their bytes instead; it decodes as ever.
protocol CBORUnorderedEncodable {
  /// Whether values of this type are encoded as an array at all.
  static var isUnordered: Bool { get }

  /// Writes the elements to `writer`, which has a frame for them.
  func encodeSorted(into writer: CBORWriter) throws
}

extension Set: CBORUnorderedEncodable where Element: Encodable {
  static var isUnordered: Bool { true }

  func encodeSorted(into writer: CBORWriter) throws {
    try writer.writeSorted(itemsPerEntry: 1) { writer in
      for element in self {
        try writer.sortedEntry { try writer.write(element) }
      }
    }
  }
}

extension Dictionary: CBORUnorderedEncodable where Key: Encodable, Value: Encodable {
  /// Dictionaries with keys that have a text form are maps, and sorted as such.
  static var isUnordered: Bool {
    !(Key.self == String.self || Key.self == Int.self || Key.self is any CodingKeyRepresentable.Type)
  }

  func encodeSorted(into writer: CBORWriter) throws {
    try writer.writeSorted(itemsPerEntry: 2) { writer in
      for (key, value) in self {
        try writer.sortedEntry { try writer.write(key) }
        try writer.write(value)
      }
    }
  }
}
