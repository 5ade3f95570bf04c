import Synchronization

/// What a store has done since it was opened, counted as it happens. Relaxed: the numbers of one moment need
/// not fit each other exactly.
final class EngineCounters: Sendable {
  let commits = Atomic<UInt64>(0)
  let groups = Atomic<UInt64>(0)
  let userBytes = Atomic<UInt64>(0)
  let logBytes = Atomic<UInt64>(0)
  let removedFiles = Atomic<UInt64>(0)
  let removedBytes = Atomic<UInt64>(0)

  /// What is counted a few times a second at most.
  struct Seldom: Sendable {
    var flushes = EngineStatistics.Flushes()
    var compactions = EngineStatistics.Compactions()
    var rewritings = EngineStatistics.Rewritings()
    var ingests = EngineStatistics.Ingests()
    var pacing = LatencyHistogram()
    var stalls = EngineStatistics.Stalls()
  }

  private let seldomCounted = Mutex(Seldom())
  private let synchronizationTimes = Mutex(LatencyHistogram())

  var synchronizations: LatencyHistogram { synchronizationTimes.withLock { $0 } }

  func countSynchronization(nanoseconds: UInt64) { synchronizationTimes.withLock { $0.add(nanoseconds) } }

  var seldom: Seldom { seldomCounted.withLock { $0 } }

  func count(_ change: (inout Seldom) -> Void) { seldomCounted.withLock { change(&$0) } }
}

extension Atomic where Value == UInt64 {
  /// Adds without ordering anything.
  @inline(__always)
  func count(_ amount: UInt64 = 1) { wrappingAdd(amount, ordering: .relaxed) }
}
