/// A name that was checked: a timeline's, a journal's, or a once-key.
struct StoredName {
  /// The longest name, in bytes of UTF-8. Far below the longest key, so that a key can hold two of them,
  /// escaped, and more to come.
  static let maximumBytes = 1_024

  let text: String

  init(_ text: String) throws(StoreError) {
    guard !text.isEmpty else {
      throw .invalidName(text, reason: "a name has at least one character")
    }
    guard text.utf8.count <= Self.maximumBytes else {
      throw .invalidName(
        text, reason: "it is \(text.utf8.count) bytes long, and a name is at most \(Self.maximumBytes)")
    }
    self.text = text
  }
}
