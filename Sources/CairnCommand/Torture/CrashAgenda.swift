/// Which operations are to be made next: those that the store does not hold, in their order.
struct CrashAgenda: Equatable {
  /// The next operation of each lane.
  private(set) var next: [UInt64]

  /// After so many operations of each lane.
  init(recorded: [UInt64]) {
    next = zip(CrashLane.all, recorded).map { $0.operation(at: $1 + 1) }
  }

  /// The first operation that the store does not hold.
  var first: UInt64 { next.min() ?? 1 }

  /// The last operation to be made if `count` are: all up to it that are not held yet.
  func last(of count: UInt64) -> UInt64 {
    guard let greatest = next.max() else { return 0 }
    // From here on no lane is ahead of the others.
    let end = greatest - UInt64(CrashLane.count)
    var left = count
    var operation = first
    while operation <= end, left > 0 {
      if operation >= next[CrashLane(of: operation).number] { left -= 1 }
      operation += 1
    }
    return operation - 1 + left
  }

  /// The next operation of the lanes that thread `thread` of `threads` has, up to `last`.
  mutating func take(thread: Int, of threads: Int, upTo last: UInt64) -> UInt64? {
    var chosen: Int?
    for lane in stride(from: thread, to: next.count, by: threads) where next[lane] <= last {
      if chosen.map({ next[lane] < next[$0] }) ?? true { chosen = lane }
    }
    guard let chosen else { return nil }
    defer { next[chosen] += UInt64(CrashLane.count) }
    return next[chosen]
  }
}
