import CairnEngine
import CairnKV

/// The store that a torture works on: how it is opened, and which operations it holds.
enum CrashStore {
  /// So little memory that a few thousand operations have everything happen: flushes, compactions, value files,
  /// and one log after the other.
  static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 16 << 20
    options.memtableBytes = 128 << 10
    options.segmentBytes = 128 << 10
    return options
  }

  /// How many operations of each lane the store says it holds.
  /// - Throws: a ``CrashViolation`` when what it says makes no sense.
  static func recorded(in reader: any KeyValueReader) throws -> [UInt64] {
    try CrashLane.all.map { try recorded(of: $0, in: reader) }
  }

  /// How many operations of one lane the store says it holds.
  static func recorded(of lane: CrashLane, in reader: any KeyValueReader) throws -> UInt64 {
    try max(number(lane.countKey, lane, reader), number(lane.loadedKey, lane, reader))
  }

  private static func number(
    _ key: [UInt8], _ lane: CrashLane, _ reader: any KeyValueReader
  ) throws -> UInt64 {
    guard let bytes = try reader.get(key) else { return 0 }
    guard let number = CrashLane.number(of: bytes), (1...CrashLane.greatestOperation).contains(number),
      CrashLane(of: number) == lane
    else {
      throw CrashViolation(.wrongBytes, "lane \(lane.number) counts its operations as \(bytes.prefix(16))")
    }
    return CrashLane.index(of: number)
  }
}

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
