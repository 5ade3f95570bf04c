import Synchronization

/// Where work piles up that writers cause, and how fast it gets done.
///
/// Each *load* says how far the pile has grown, from 0 where writers begin to be slowed down to 1 where they must be
/// at the speed of the work, and that speed, in bytes of commits as the log takes them. Fed after each piece of
/// background work; read by the commit leader before each group, which costs next to nothing while there is no
/// load.
final class PressureGauge: Sendable {
  /// Level 0 slows writers down from here on; see also ``BackgroundWork/greatestLevelZeroSegments``.
  static let slowingLevelZeroSegments = 12

  private struct State {
    var flush = DrainMeter()
    var levelZero = DrainMeter()
    var reading = DrainMeter()
    var reclaiming = DrainMeter()
    var flushCount: UInt64 = 0
    var flushedBytes: UInt64 = 0
    var readBytes: UInt64 = 0
    /// How long compactions and rewritings took since level 0 was last relieved.
    var busyNanoseconds: UInt64 = 0
    var compactionDebt = 0.0
    var valueDebt = 0.0
  }

  private let state = Mutex(State())
  private let greatestSealedMemtables: Int
  private let greatestLevelZeroSegments: Int
  private let hasDebt = Atomic<Bool>(false)

  init(greatestSealedMemtables: Int, greatestLevelZeroSegments: Int) {
    self.greatestSealedMemtables = greatestSealedMemtables
    self.greatestLevelZeroSegments = greatestLevelZeroSegments
  }

  /// What there is to slow writers down for; mostly nothing.
  /// - Parameter fill: How full the active memtable is, 0 to 1.
  func loads(_ current: ReadState, fill: Double) -> [WritePacer.Load] {
    let levelZeroCount = current.version.levelZeroDepth
    if current.sealed.isEmpty && levelZeroCount <= Self.slowingLevelZeroSegments
      && !hasDebt.load(ordering: .relaxed)
    {
      return []
    }
    // A memtable takes half of the scale, so that a burst that begins when there is one to be flushed, and goes as
    // fast as it is let, just fills memory when that one is done: (½ + 3/2) / 2 of its time.
    let memory = (Double(current.sealed.count - 1) + fill) / Double(greatestSealedMemtables)
    let levelZero = Self.position(
      of: Double(levelZeroCount), from: Double(Self.slowingLevelZeroSegments),
      to: Double(greatestLevelZeroSegments))
    return state.withLock { state in
      let share = state.readBytes > 0 ? Double(state.flushedBytes) / Double(state.readBytes) : 1
      return [
        .init(pressure: memory, drainBytesPerSecond: state.flush.bytesPerSecond),
        .init(pressure: levelZero, drainBytesPerSecond: state.levelZero.bytesPerSecond),
        // Every byte committed has compactions read so many more.
        .init(
          pressure: state.compactionDebt, drainBytesPerSecond: state.reading.bytesPerSecond.map { $0 * share }
        ),
        .init(pressure: state.valueDebt, drainBytesPerSecond: state.reclaiming.bytesPerSecond),
      ].filter { $0.pressure > 0 && $0.drainBytesPerSecond != nil }
    }
  }

  /// Notes that a piece of work is done.
  func note(_ change: TreeChange, by work: EngineEvent.Work, nanoseconds: UInt64) {
    state.withLock { state in
      switch work {
      case .flush:
        state.flush.add(bytes: change.memtableBytes, nanoseconds: nanoseconds)
        state.flushCount += 1
        state.flushedBytes += change.memtableBytes
      case .compaction:
        state.busyNanoseconds += nanoseconds
        state.readBytes += change.removedSegments.bytes
        state.reading.add(bytes: change.removedSegments.bytes, nanoseconds: nanoseconds)
        guard change.levelZeroRemoved > 0 else { return }
        let average = state.flushedBytes / max(1, state.flushCount)
        state.levelZero.add(
          bytes: UInt64(change.levelZeroRemoved) * average, nanoseconds: state.busyNanoseconds)
        state.busyNanoseconds = 0
      case .rewriting:
        state.busyNanoseconds += nanoseconds
        state.reclaiming.add(bytes: change.reclaimedValueBytes, nanoseconds: nanoseconds)
      case .logPreparation, .idleWork: break
      }
    }
  }

  /// Notes how much is left to do. Both at 0 also when the work fails: slower writers would not help it.
  func note(_ debt: Debt) {
    let (compaction, values) = (debt.compactionPressure, debt.valuePressure)
    state.withLock {
      $0.compactionDebt = compaction
      $0.valueDebt = values
    }
    hasDebt.store(compaction > 0 || values > 0, ordering: .relaxed)
  }

  /// What compactions and rewritings of value files have yet to do, and what it is measured by.
  struct Debt: Hashable, Sendable {
    /// What exceeds the levels' limits.
    var compactionBytes: UInt64 = 0
    var levelOneBytes: UInt64 = 0
    var treeBytes: UInt64 = 0
    var deadValueBytes: UInt64 = 0
    var liveValueBytes: UInt64 = 0

    private static let toleratedDeadBytes = 256.0 * 1024 * 1024

    /// Eight times level 1 or a quarter of the tree is what bursts leave; four times that is a tree that loses
    /// its shape.
    var compactionPressure: Double {
      let tolerated = max(8 * Double(levelOneBytes), Double(treeBytes) / 4)
      return PressureGauge.position(of: Double(compactionBytes), from: tolerated, to: 4 * tolerated)
    }

    /// Half of each value file may be dead before it is rewritten. From there on the store takes up to twice
    /// what it should.
    var valuePressure: Double {
      let tolerated = Double(liveValueBytes) + Self.toleratedDeadBytes
      return PressureGauge.position(of: Double(deadValueBytes), from: tolerated, to: 2 * tolerated)
    }
  }

  /// Where `value` lies between two marks, 0 to 1.
  static func position(of value: Double, from lower: Double, to upper: Double) -> Double {
    guard upper > lower else { return 0 }
    return min(1, max(0, (value - lower) / (upper - lower)))
  }
}
