// What a store does while nobody uses it, and what it removes bit by bit, cut short anywhere.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct IdleCrashTests {
  private static func key(_ index: Int) -> [UInt8] { Array("key-\(index)".utf8) }
  private static func value(_ fill: Int, _ count: Int) -> [UInt8] {
    .init(repeating: UInt8(truncatingIfNeeded: fill), count: count)
  }

  /// Logs that are worth giving back, then range removals that are; and a reopening between.
  @Test func quietMinutes() {
    var options = EngineOptions()
    options.memoryLimit = 32 << 20
    var workload = Workload()
    for index in 0..<4 {
      workload.commit(.buffered, .set(Self.key(index), Self.value(index, 400 << 10)))
    }
    workload.steps.append(.quiet)
    workload.commit(.durable, .set(Self.key(9), [9]))
    workload.commit(.durable, .removeRange(.all), .set(Self.key(5), [5]))
    workload.steps.append(.quiet)
    workload.commit(.durable, .set(Self.key(6), Self.value(6, 300)))
    workload.steps.append(.reopen)
    workload.steps.append(.quiet)
    CrashSweep(
      name: "quiet minutes", workload: workload, options: options, stride: 3, recoveryStride: 97,
      makeScheduler: { ManualScheduler(time: $0) }
    ).verify()
  }

  /// Every file has to wait before the next one is removed, so that a crash finds many that still wait.
  @Test func removals() {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    options.removalLimits.burstBytes = 1
    options.removalLimits.bytesPerSecond = 64 << 10
    var workload = Workload()
    for index in 0..<24 {
      workload.commit(
        index % 3 == 0 ? .buffered : .durable, .set(Self.key(index % 5), Self.value(index, 3000)),
        .set(Self.key(5 + index % 3), Self.value(index, 900)))
      if index % 9 == 8 { workload.steps.append(.quiet) }
      if index == 20 { workload.steps.append(.reopen) }
    }
    CrashSweep(
      name: "removals", workload: workload, options: options, stride: 5, recoveryStride: 121,
      makeScheduler: { ManualScheduler(time: $0) }
    ).verify()
  }
}
