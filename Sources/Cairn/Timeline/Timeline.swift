/// The name of one line of work whose states are kept as checkpoints.
///
/// A name is 1 to 1,024 bytes of UTF-8, and is compared by those bytes; a call with any other name throws
/// ``StoreError/invalidName(_:reason:)``. A timeline needs no creating: it is there once something was saved
/// to it. What is stored does not name the Swift type: one name must always be used with one `State`.
public struct Timeline<State: Codable & Sendable>: Hashable, Sendable {
  /// The name.
  public let id: String

  /// Names a timeline.
  public init(_ id: String) {
    self.id = id
  }

  public static func == (left: Timeline, right: Timeline) -> Bool {
    left.id.utf8.elementsEqual(right.id.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(Array(id.utf8))
  }
}
