// One sweep per mechanism, each small: short exhaustive workloads find more than long random ones.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct CrashTests {
  private static func key(_ index: Int) -> [UInt8] { Array("key-\(index)".utf8) }
  private static func value(_ fill: UInt8, _ count: Int) -> [UInt8] { .init(repeating: fill, count: count) }

  /// Memtables and logs of a few frames, segments of a few blocks.
  private static var tiny: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  /// A log that takes some large commits before it is ended.
  private static var small: EngineOptions {
    var options = tiny
    options.memtableBytes = 64 << 10
    return options
  }

  @Test func singleCommits() {
    var workload = Workload()
    for index in 0..<4 { workload.commit(.durable, .set(Self.key(index), Self.value(UInt8(index), 100))) }
    workload.commit(.durable, .remove(Self.key(1)), .append(prefix: Array("log/".utf8), [7]))
    CrashSweep(name: "single commits", workload: workload, options: Self.small, seeds: 2, recoveryStride: 29)
      .verify()
  }

  @Test func bufferedCommits() {
    var workload = Workload()
    for index in 0..<9 {
      workload.commit(
        index % 4 == 3 ? .durable : .buffered, .set(Self.key(index % 3), Self.value(UInt8(index), 700)))
    }
    CrashSweep(
      name: "buffered commits", workload: workload, options: Self.small, seeds: 3, stride: 1,
      recoveryStride: 31
    )
    .verify()
  }

  @Test func largeValues() {
    var workload = Workload()
    workload.commit(.durable, .set(Self.key(0), Self.value(1, 100 << 10)))
    workload.commit(.buffered, .set(Self.key(1), Self.value(2, 5000)))
    workload.commit(
      .durable, .set(Self.key(0), Self.value(3, 9000)), .set(Self.key(2), Self.value(4, 70_000)))
    workload.commit(.durable, .removeRange(.all))
    CrashSweep(
      name: "large values", workload: workload, options: Self.small, seeds: 2, stride: 3, recoveryStride: 67
    )
    .verify()
  }

  @Test func rotationAndRecycling() {
    var options = Self.tiny
    options.memtableBytes = 1 << 20
    var workload = Workload()
    for index in 0..<10 {
      workload.commit(
        index % 3 == 0 ? .buffered : .durable, .set(Self.key(index % 4), Self.value(UInt8(index), 60 << 10)))
    }
    workload.steps.append(.reopen)
    for index in 0..<6 {
      workload.commit(.durable, .set(Self.key(index % 4), Self.value(UInt8(100 + index), 60 << 10)))
    }
    CrashSweep(
      name: "rotation", workload: workload, options: options, seeds: 1, stride: 11, recoveryStride: 151
    ).verify()
  }

  @Test func flushes() {
    var workload = Workload()
    for index in 0..<14 {
      workload.commit(
        index % 5 == 2 ? .buffered : .durable, .set(Self.key(index % 6), Self.value(UInt8(index), 900)))
    }
    CrashSweep(
      name: "flushes", workload: workload, options: Self.tiny, seeds: 1, stride: 4, recoveryStride: 71,
      cutsEveryOperation: true
    )
    .verify()
  }

  @Test func compactionsWithRangeRemovals() {
    var workload = Workload()
    for index in 0..<26 {
      switch index % 7 {
      case 3: workload.commit(.durable, .removeRange(.init(from: Self.key(1), to: Self.key(4))))
      case 5: workload.commit(.buffered, .removeRange(.init(from: Self.key(6), to: nil)))
      default:
        workload.commit(
          .durable, .set(Self.key(index % 9), Self.value(UInt8(index), 3000)),
          .set(Self.key((index + 4) % 9), Self.value(UInt8(index), 200)))
      }
    }
    CrashSweep(
      name: "compactions", workload: workload, options: Self.tiny, seeds: 1, stride: 7, recoveryStride: 121,
      cutsEveryOperation: true
    ).verify()
  }

  /// Values around the threshold, overwritten and removed, singly and by ranges, until whole files go.
  @Test func valueFiles() {
    var workload = Workload()
    for index in 0..<24 {
      switch index % 8 {
      case 5: workload.commit(.durable, .removeRange(.init(from: Self.key(0), to: Self.key(3))))
      case 6: workload.commit(.buffered, .remove(Self.key(index % 5)))
      default:
        workload.commit(
          index % 3 == 0 ? .buffered : .durable,
          .set(Self.key(index % 5), Self.value(UInt8(index), [2047, 2048, 5000, 300][index % 4])),
          .set(Self.key((index + 2) % 5), Self.value(UInt8(index), 3000)))
      }
    }
    CrashSweep(
      name: "value files", workload: workload, options: Self.tiny, seeds: 1, stride: 5, recoveryStride: 101,
      cutsEveryOperation: true
    ).verify()
  }

  /// Many small value files, part of each overwritten, so that they are sparse and merged again and again.
  @Test func valueRewriting() {
    var workload = Workload()
    for index in 0..<40 {
      workload.commit(
        index % 4 == 1 ? .buffered : .durable,
        .set(Array("kept-\(index)".utf8), Self.value(UInt8(index), 2500)),
        .set(Self.key(index % 3), Self.value(UInt8(index), 4000 + index)),
        .set(Self.key(3 + index % 2), Self.value(UInt8(index), 2100)))
    }
    CrashSweep(
      name: "value rewriting", workload: workload, options: Self.tiny, seeds: 1, stride: 17,
      recoveryStride: 251, cutsEveryOperation: true
    ).verify()
  }

  /// A range is removed whose segments and value files go by one edit each time; with a snapshot held they stay
  /// until it is let go of, and go then.
  @Test(arguments: [false, true]) func removalOfARangeDropsFiles(withSnapshot: Bool) {
    var workload = Workload()
    for round in 0..<2 {
      for index in 0..<8 {
        workload.commit(
          index % 4 == 1 ? .buffered : .durable,
          .set(Self.key(index % 6), Self.value(UInt8(index), index % 2 == 0 ? 3000 : 900)),
          .set(Array("other-\(index)".utf8), Self.value(UInt8(index), 1500)))
      }
      if withSnapshot { workload.steps.append(.hold) }
      workload.commit(
        .durable, .removeRange(.prefix(Array((round == 0 ? "key-" : "other-").utf8))),
        .removeRange(.init(from: Array("other-3".utf8), to: Array("other-6".utf8))))
      // Flushes the removals.
      for index in 0..<5 { workload.commit(.buffered, .set([9, UInt8(index)], Self.value(7, 2000))) }
      if withSnapshot { workload.steps.append(.release) }
    }
    CrashSweep(
      name: "range removal\(withSnapshot ? ", snapshot" : "")", workload: workload, options: Self.tiny,
      seeds: 1, stride: 3, recoveryStride: 131, cutsEveryOperation: true
    ).verify()
  }

  @Test func manifestRollover() {
    var options = Self.tiny
    options.leastManifestRolloverBytes = 16 << 10
    var workload = Workload()
    for index in 0..<16 {
      workload.commit(.durable, .set(Self.key(index % 5), Self.value(UInt8(index), 1500)))
    }
    CrashSweep(
      name: "manifest rollover", workload: workload, options: options, seeds: 1, stride: 7,
      recoveryStride: 151, cutsEveryOperation: true
    ).verify()
  }

  @Test func closingAndReopening() {
    var workload = Workload()
    for index in 0..<4 {
      workload.commit(.buffered, .set(Self.key(index), Self.value(UInt8(index), 50)))
      workload.steps.append(.reopen)
    }
    CrashSweep(name: "close", workload: workload, options: Self.tiny, seeds: 1, stride: 5, recoveryStride: 61)
      .verify()
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>) func randomWorkload(seed: UInt64) {
    CrashSweep(
      name: "random \(seed)", workload: .random(seed: seed, commits: 60), options: Self.tiny, stride: 31,
      recoveryStride: 191
    ).verify()
  }
}
