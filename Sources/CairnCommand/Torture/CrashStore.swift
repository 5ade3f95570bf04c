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
