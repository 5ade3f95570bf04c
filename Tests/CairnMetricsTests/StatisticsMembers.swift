@testable import CairnEngine

/// Every number in statistics by its path, found by looking, so that one that is added is not overlooked.
struct StatisticsMembers {
  private(set) var numbers: [String: UInt64] = [:]
  private(set) var histograms: [String: LatencyHistogram] = [:]
  private(set) var levels: [EngineStatistics.Level] = []
  /// Members of a kind that is not known here.
  private(set) var unknown: [String] = []

  init(of statistics: EngineStatistics) { add(statistics, below: "") }

  private mutating func add(_ value: Any, below prefix: String) {
    for child in Mirror(reflecting: value).children {
      let path = prefix + (child.label ?? "?")
      switch child.value {
      case let number as UInt64: numbers[path] = number
      case let number as Int: numbers[path] = UInt64(clamping: number)
      case let histogram as LatencyHistogram: histograms[path] = histogram
      case let levels as [EngineStatistics.Level]: self.levels = levels
      case let other where Mirror(reflecting: other).displayStyle == .struct: add(other, below: path + ".")
      default: unknown.append(path)
      }
    }
  }
}

extension EngineStatistics {
  /// Statistics in which every number is different, and larger for a larger `step`.
  static func example(step: UInt64) -> EngineStatistics {
    var result = EngineStatistics()
    var next = step * 1000
    func number() -> UInt64 {
      next += step
      return next
    }
    func histogram() -> LatencyHistogram {
      var histogram = LatencyHistogram()
      for power in 0..<UInt64(40) {
        for _ in 0..<step * (1 + power % 3) { histogram.add((1 << power) + step) }
      }
      return histogram
    }
    (result.commits, result.groups, result.userBytes, result.logBytes) = (
      number(), number(), number(), number()
    )
    result.synchronizations = histogram()
    result.pacing = histogram()
    result.flushes = Flushes(
      count: number(), segmentBytes: number(), valueFileBytes: number(), nanoseconds: number())
    result.compactions = Compactions(
      count: number(), readBytes: number(), writtenBytes: number(), nanoseconds: number())
    result.rewritings = Rewritings(
      count: number(), writtenBytes: number(), reclaimedBytes: number(), nanoseconds: number())
    result.ingests = Ingests(count: number(), segmentBytes: number(), valueFileBytes: number())
    result.removals = Removals(
      count: number(), bytes: number(), waitingCount: Int(number()), waitingBytes: number())
    result.space = Space(
      logCount: Int(number()), logBytes: number(), spareBytes: number(), segmentCount: Int(number()),
      segmentBytes: number(), valueFileCount: Int(number()), valueFileBytes: number(),
      liveValueBytes: number())
    result.memory = Memory(
      activeMemtableBytes: number(), sealedMemtables: Int(number()), sealedMemtableBytes: number())
    result.cache = Cache(
      capacityBytes: number(), blockBytes: number(), openFileBytes: number(), hits: number(), misses: number()
    )
    result.snapshots = Snapshots(count: Int(number()), oldestAge: number())
    result.compactionDebtBytes = number()
    result.stalls = Stalls(count: number(), nanoseconds: number())
    result.levels = (0..<7).map { _ in Level(segmentCount: Int(number()), bytes: number()) }
    return result
  }
}
