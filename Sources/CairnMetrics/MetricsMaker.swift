import CoreMetrics

/// Makes metrics that share a backend, the beginning of their labels, and dimensions.
struct MetricsMaker: Sendable {
  private let prefix: String
  private let dimensions: [(String, String)]
  private let factory: any MetricsFactory

  init(_ prefix: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
    self.prefix = prefix
    self.dimensions = dimensions
    self.factory = factory
  }

  func counter(_ path: String, _ own: (String, String)...) -> GrowingCounter {
    GrowingCounter(Counter(label: prefix + path, dimensions: dimensions + own, factory: factory))
  }

  func meter(_ path: String, _ own: (String, String)...) -> LevelMeter {
    LevelMeter(Meter(label: prefix + path, dimensions: dimensions + own, factory: factory))
  }
}
