/// The removal of every key in `[lower, upper)` that is older than `sequence`.
struct RangeTombstone: Hashable, Sendable {
  var lower: [UInt8]
  /// `nil`: to the end of the key space.
  var upper: [UInt8]?
  var sequence: UInt64
}
