import CairnEngine
import CoreMetrics

/// Every metric of a store, with what was published of it last.
struct PublishedStatistics {
  private let maker: MetricsMaker
  private var counters: [(counter: GrowingCounter, value: (EngineStatistics) -> UInt64)]
  private var histograms: [(histogram: PublishedHistogram, value: (EngineStatistics) -> LatencyHistogram)]
  private let meters: [(meter: LevelMeter, value: (EngineStatistics) -> UInt64)]
  private var levels: [PublishedLevel] = []

  init(_ maker: MetricsMaker) {
    self.maker = maker
    counters = StatisticsTable.counters.map { (maker.counter($0.path), $0.value) }
    histograms = StatisticsTable.histograms.map { (PublishedHistogram($0.path, maker), $0.value) }
    meters = StatisticsTable.meters.map { (maker.meter($0.path), $0.value) }
  }

  mutating func publish(_ statistics: EngineStatistics) {
    for index in counters.indices { counters[index].counter.reach(counters[index].value(statistics)) }
    for index in histograms.indices {
      histograms[index].histogram.publish(histograms[index].value(statistics))
    }
    for (meter, value) in meters { meter.set(value(statistics)) }
    // There are as many as the format has; whatever their number, one that is gone is shown to be empty.
    while levels.count < statistics.levels.count { levels.append(PublishedLevel(levels.count, maker)) }
    for (index, level) in levels.enumerated() {
      level.publish(index < statistics.levels.count ? statistics.levels[index] : nil)
    }
  }
}

/// The meters of one level of the tree.
private struct PublishedLevel {
  private let segmentCount: LevelMeter
  private let bytes: LevelMeter

  init(_ level: Int, _ maker: MetricsMaker) {
    let dimension = ("level", String(level))
    segmentCount = maker.meter("levels.segmentCount", dimension)
    bytes = maker.meter("levels.bytes", dimension)
  }

  func publish(_ level: EngineStatistics.Level?) {
    segmentCount.set(UInt64(clamping: level?.segmentCount ?? 0))
    bytes.set(level?.bytes ?? 0)
  }
}
