import CoreMetrics
import Synchronization

/// A backend that keeps what it is told, to be looked at.
final class RecordedMetrics: MetricsFactory {
  /// A label and its dimensions, in the order in which they were given.
  struct Name: Hashable, CustomStringConvertible {
    var label: String
    var dimensions: [String] = []

    init(_ label: String, _ dimensions: [(String, String)] = []) {
      self.label = label
      self.dimensions = dimensions.map { "\($0.0)=\($0.1)" }
    }

    var description: String { label + "\(dimensions)" }
  }

  private struct State {
    var counters: [Name: Int64] = [:]
    var meters: [Name: Int64] = [:]
    /// What should not have happened.
    var faults: [String] = []
  }

  private let state = Mutex(State())

  var counters: [Name: Int64] { state.withLock { $0.counters } }
  var meters: [Name: Int64] { state.withLock { $0.meters } }
  var faults: [String] { state.withLock { $0.faults } }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let name = Name(label, dimensions)
    state.withLock { state in
      if state.counters.updateValue(0, forKey: name) != nil { state.faults.append("\(name) was made twice") }
    }
    return CounterSink(metrics: self, name: name)
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let name = Name(label, dimensions)
    state.withLock { state in
      if state.meters.updateValue(0, forKey: name) != nil { state.faults.append("\(name) was made twice") }
    }
    return MeterSink(metrics: self, name: name)
  }

  func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
    -> any FloatingPointCounterHandler
  { unwanted(label) }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    unwanted(label)
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { unwanted(label) }

  func destroyCounter(_ handler: any CounterHandler) { fault("a counter was destroyed") }
  func destroyMeter(_ handler: any MeterHandler) { fault("a meter was destroyed") }
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}

  private func unwanted(_ label: String) -> NOOPMetricsHandler {
    fault("\(label) is neither a counter nor a meter")
    return NOOPMetricsHandler.instance
  }

  private func fault(_ text: String) { state.withLock { $0.faults.append(text) } }

  private func increment(_ name: Name, by amount: Int64) {
    state.withLock { state in
      if amount <= 0 { state.faults.append("\(name) was incremented by \(amount)") }
      state.counters[name, default: 0] += amount
    }
  }

  private func set(_ name: Name, to value: Int64) {
    state.withLock { state in
      if value < 0 { state.faults.append("\(name) was set to \(value)") }
      state.meters[name] = value
    }
  }

  private final class CounterSink: CounterHandler {
    let metrics: RecordedMetrics
    let name: Name

    init(metrics: RecordedMetrics, name: Name) {
      self.metrics = metrics
      self.name = name
    }

    func increment(by amount: Int64) { metrics.increment(name, by: amount) }
    func reset() { metrics.fault("\(name) was reset") }
  }

  private final class MeterSink: MeterHandler {
    let metrics: RecordedMetrics
    let name: Name

    init(metrics: RecordedMetrics, name: Name) {
      self.metrics = metrics
      self.name = name
    }

    func set(_ value: Int64) { metrics.set(name, to: value) }
    func set(_ value: Double) { metrics.fault("\(name) was set to \(value)") }
    func increment(by amount: Double) { metrics.fault("\(name) was incremented") }
    func decrement(by amount: Double) { metrics.fault("\(name) was decremented") }
  }
}
