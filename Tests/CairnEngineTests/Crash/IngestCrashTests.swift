// The power goes at every operation of an ingest: it happened, or it did not.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct IngestCrashTests {
  private static func key(_ index: Int) -> [UInt8] { Array("key-\(index)".utf8) }
  private static func value(_ fill: UInt8, _ count: Int) -> [UInt8] { .init(repeating: fill, count: count) }

  private static func entries(_ indices: some Sequence<Int>, _ fill: UInt8, _ bytes: [Int]) -> [KeyValue] {
    indices.map { KeyValue(key: key($0), value: value(fill, bytes[$0 % bytes.count])) }
  }

  private static var tiny: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  /// Beside commits that are in a memtable, durable and buffered ones, with several segments and a value file.
  @Test func replacing() {
    var workload = Workload()
    workload.commit(.durable, .set(Self.key(1), Self.value(1, 100)), .set(Self.key(9), Self.value(1, 3000)))
    workload.commit(.buffered, .set(Self.key(3), Self.value(2, 200)))
    workload.ingest(
      into: .init(from: Self.key(2), to: Self.key(8)), replacing: true,
      Self.entries(2..<8, 7, [300, 6000, 2500]))
    workload.commit(.buffered, .set(Self.key(4), Self.value(3, 100)))
    workload.ingest(
      into: .init(from: Self.key(3), to: Self.key(6)), replacing: true, Self.entries([3, 5], 8, [900]))
    workload.commit(.durable, .remove(Self.key(5)))
    CrashSweep(
      name: "replacing ingests", workload: workload, options: Self.tiny, seeds: 2, stride: 2,
      recoveryStride: 61, cutsEveryOperation: true
    ).verify()
  }

  /// Alone in an empty store, and one after the other: the log holds nothing but their numbers.
  @Test func ingestsAlone() {
    var workload = Workload()
    workload.ingest(into: .all, replacing: false, Self.entries(0..<3, 1, [50]))
    workload.ingest(into: .prefix([0xFF]), replacing: false, [KeyValue(key: [0xFF, 1], value: [1])])
    workload.steps.append(.reopen)
    workload.ingest(into: .init(from: Self.key(1), to: nil), replacing: true, [])
    workload.ingest(into: .prefix([0xFE]), replacing: false, [])
    workload.ingest(into: .prefix([0xFE]), replacing: false, [KeyValue(key: [0xFE], value: [])])
    CrashSweep(
      name: "ingests alone", workload: workload, options: Self.tiny, seeds: 2, stride: 1, recoveryStride: 67
    ).verify()
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>) func randomWorkload(seed: UInt64) {
    CrashSweep(
      name: "random ingests \(seed)", workload: .random(seed: seed, commits: 40, ingesting: 25),
      options: Self.tiny, stride: 29, recoveryStride: 211
    ).verify()
  }

  /// Without any fault the engine answers as the model does, at every moment.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func randomOperations(seed: UInt64) throws {
    var options = Self.tiny
    options.leastManifestRolloverBytes = 32 << 10
    let workload = Workload.random(seed: seed, commits: 160, ingesting: 20)
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: "/store", options: options, history: History(workload.commits))
    run.run(workload, in: .simulated(disk, seed: seed), closing: seed % 2 == 0, checking: true)
    #expect(run.failure == nil, "seed \(seed)")
    #expect(run.complaints == [], "seed \(seed)")
    let check = RecoveryCheck(
      path: "/store", options: options, history: run.history, lower: run.issued, upper: run.issued)
    #expect(check.run(on: disk, seed: seed).complaints == [], "seed \(seed)")
  }
}
