/// Range removals on their way into segments, in key order: which of them begin where, and which parts belong
/// into the segment that is being written. A segment's removals speak only of its own keys.
struct PendingRemovals {
  private let removals: [RangeTombstone]
  private var next = 0
  /// Those that begin before where the output stands, from the beginning of the current segment on.
  private var open: [RangeTombstone] = []
  private(set) var openBytes = 0

  init(_ removals: [RangeTombstone]) {
    self.removals = removals.sorted { $0.lower.lexicographicallyPrecedes($1.lower) }
  }

  /// Whether the current segment has a removal so far.
  var hasOpen: Bool { !open.isEmpty }

  /// Where the next removal begins, if that is at or before `key`.
  @inline(__always)
  func nextStart(notAfter key: UnsafeRawBufferPointer) -> [UInt8]? {
    if next == removals.count { return nil }
    let lower = removals[next].lower
    return lower.withUnsafeBytes { EntryOrder.compare($0, key) <= 0 } ? lower : nil
  }

  /// Where the next removal begins.
  var nextStart: [UInt8]? { next < removals.count ? removals[next].lower : nil }

  /// Takes the next removal into the current segment.
  mutating func openNext() {
    open.append(removals[next])
    openBytes += Self.bytes(of: removals[next])
    next += 1
  }

  /// Ends the current segment before `cut`.
  /// - Returns: its parts of the removals. What reaches beyond is the next one's.
  mutating func cut(at cut: [UInt8]) -> [RangeTombstone] {
    var ended: [RangeTombstone] = []
    var rest: [RangeTombstone] = []
    for removal in open {
      var part = removal
      if removal.upper.map({ cut.lexicographicallyPrecedes($0) }) ?? true {
        part.upper = cut
        var other = removal
        other.lower = cut
        rest.append(other)
      }
      if !part.isEmpty { ended.append(part) }
    }
    open = rest
    openBytes = rest.reduce(0) { $0 + Self.bytes(of: $1) }
    return ended
  }

  /// Ends the last segment.
  mutating func finish() -> [RangeTombstone] {
    defer { open = [] }
    return open.filter { !$0.isEmpty }
  }

  /// What a removal takes in a segment.
  private static func bytes(of removal: RangeTombstone) -> Int {
    removal.lower.count + (removal.upper?.count ?? 0) + 16
  }
}
