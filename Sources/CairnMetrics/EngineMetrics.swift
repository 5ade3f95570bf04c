public import CairnEngine
import CairnKV
public import CoreMetrics
import Synchronization

/// Publishes what a store has done and takes, through whatever backend the program's metrics have.
///
///     let metrics = EngineMetrics(engine, dimensions: [("store", "jobs")])
///     try await metrics.run(every: .seconds(10), clock: .continuous)
///
/// The label of a metric is the prefix and the path of a member of `EngineStatistics`, where its meaning and unit are
/// documented: `cairn.flushes.segmentBytes`, `cairn.space.logBytes`.
///
/// - What only grows is a counter. It is incremented by the difference from what was published last, the first time by
///   all since the store was opened, and never by less than nothing. So a counter sums up over reopenings within a
///   process, where statistics begin anew.
/// - What goes up and down is a meter: `memory`, `cache` but for hits and misses, `snapshots`, `space`,
///   `compactionDebtBytes`, what waits to be removed, the longest latencies, `readAmplification`; and `levels` with the
///   dimension `level`, from 0 on.
/// - The latencies of `synchronizations` and `pacing` are counters, too: `count`, `nanoseconds`, and `buckets`, one for
///   each value of the dimension `le`, which counts what took less than so many nanoseconds, `+Inf` all. That is the
///   form in which Prometheus has histograms: quantiles over any span and any number of stores can be computed from it.
///   A `Timer` is for one latency at a time. The store has only kept how many fell between two powers of two; to record
///   these one by one, each with an invented length, would cost a call for every sync, and show percentiles that were
///   never measured.
///
/// Ratios (write amplification, the cache's hit rate) are left out: of counters they can be computed over any span.
///
/// Two stores in one process need dimensions that tell them apart, and one store needs one object: a second one with
/// the same labels would count everything twice. What was published stays with the backend when this object goes.
public final class EngineMetrics: Sendable {
  private let read: @Sendable () -> EngineStatistics
  private let published: Mutex<PublishedStatistics>

  /// The metrics of one store. Makes all of them at once, at 0, and publishes nothing yet.
  ///
  /// - Parameters:
  ///   - engine: The store. It is kept for as long as this object is; after it was closed, what it did last is published.
  ///   - prefix: What stands before every label, its dot included.
  ///   - dimensions: What every metric carries, as pairs of a name and a value. `level` and `le` are taken.
  ///   - factory: The backend. The default is what the program was bootstrapped with by now.
  public convenience init(
    _ engine: Engine, prefix: String = "cairn.", dimensions: [(String, String)] = [],
    factory: any MetricsFactory = MetricsSystem.factory
  ) {
    self.init(reading: { engine.statistics() }, MetricsMaker(prefix, dimensions, factory))
  }

  init(reading read: @escaping @Sendable () -> EngineStatistics, _ maker: MetricsMaker) {
    self.read = read
    published = Mutex(PublishedStatistics(maker))
  }

  /// Publishes what the statistics say now.
  ///
  /// Costs what `Engine.statistics()` costs, time in proportion to the number of files, and a call of the backend for
  /// each of some forty levels and each counter that has grown. Several callers take turns, so that no one publishes
  /// older numbers after newer ones.
  public func publish() {
    published.withLock { $0.publish(read()) }
  }

  /// Publishes now, then again after every interval, until the task is cancelled, and a last time then, so that
  /// nothing that was done is missing.
  ///
  /// - Parameters:
  ///   - interval: How long to wait between two publications; above zero. Ten seconds cost next to nothing.
  ///   - clock: What it is waited by, such as `.continuous`.
  /// - Throws: `CancellationError` when the task is cancelled, or whatever else the clock throws; a `StorageError` with
  ///   `.invalidArgument` when the interval is not above zero.
  public func run<C: Clock>(every interval: C.Duration, clock: C) async throws {
    guard interval > .zero else {
      throw StorageError(
        .invalidArgument, "the interval between publications, \(interval), is not above zero")
    }
    defer { publish() }
    while true {
      publish()
      try await clock.sleep(until: clock.now.advanced(by: interval), tolerance: nil)
    }
  }
}
