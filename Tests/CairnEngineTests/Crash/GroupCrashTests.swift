// Commits that share a frame: each stands for itself, the frame for all.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct GroupCrashTests {
  private static let path = "/store"
  private static let groups = 5
  private static let groupSize = 3

  /// An engine's commit path without the pipeline, so that a test decides who shares a group.
  private struct GroupDriver {
    let writer: CommitWriter
    let buffer: FrameBuffer
    let lock: any FileLock

    init(_ environment: Environment) throws(StorageError) {
      var options = EngineOptions()
      options.memtableBytes = 16 << 10
      try environment.fileSystem.createDirectory(path)
      let directory = StoreDirectory(path: path, fileSystem: environment.fileSystem)
      lock = try environment.fileSystem.lock(directory.path(of: .lock))
      let queue = environment.scheduler.makeQueue(label: "files")
      let opened = try StoreOpening(directory: directory, options: options, environment: environment)
        .run(fileQueue: queue)
      let segments = SegmentOptions()
      let background = BackgroundWork(
        tree: opened.tree,
        flusher: Flusher(
          tree: opened.tree, random: environment.random, segmentOptions: segments,
          valueThreshold: options.valueThreshold, valueOptions: ValueFileOptions()),
        compactor: Compactor(
          tree: opened.tree, random: environment.random, segmentOptions: segments, segmentBytes: 8 << 10,
          picker: CompactionPicker(levelZeroSegments: 4, levelOneBytes: 32 << 10)),
        rewriter: ValueRewriter(tree: opened.tree, random: environment.random),
        scheduler: environment.scheduler, time: environment.time, fileQueue: queue)
      buffer = opened.buffer
      writer = CommitWriter(
        tree: opened.tree, background: background, options: options, log: opened.log,
        keptLogBytes: opened.keptLogBytes, buffer: opened.buffer,
        lowWater: LowWaterMark(opened.tree.directory, leastFreeBytes: 0))
    }

    /// - Returns: the outcomes, in order.
    func commit(_ group: [Commit]) throws(StorageError) -> [StorageError?] {
      var requests: [CommitRequest] = []
      for commit in group {
        var batch = WriteBatch(byteLimit: 64 << 20)
        for case .set(let key, let value) in commit.writes { try batch.set(key, to: value) }
        requests.append(
          CommitRequest(
            .batch, batch: batch, reads: ReadSet(), snapshot: 0, durability: commit.durability))
      }
      writer.write(requests)
      return requests.map { request in
        switch request.outcome {
        case .success: nil
        case .failure(let error): error
        case nil: StorageError(.outcomeUnknown, "no outcome")
        }
      }
    }
  }

  private static func group(_ index: Int) -> [Commit] {
    (0..<groupSize).map { member in
      Commit(
        writes: (0...member).map { place in
          .set(Array("key-\(index)-\(member)-\(place)".utf8), [UInt8](repeating: UInt8(index), count: 1200))
        },
        // One that must be durable carries the others along; the last group has none.
        durability: member == 1 && index < groups - 1 ? .durable : .buffered)
    }
  }

  /// What one large commit made the buffer grow to, and the commit's own bytes, are given back with it, not by the
  /// next one.
  @Test func aLargeCommitGivesItsMemoryBack() throws {
    let driver = try GroupDriver(.simulated(SimulatedFileSystem(), seed: 1))
    let ordinary = driver.buffer.capacity
    let failures = try driver.commit([Commit(writes: [.set([1], [UInt8](repeating: 1, count: 20 << 20))])])
    #expect(failures == [nil])
    #expect(driver.buffer.capacity == ordinary)
  }

  @Test func powerCuts() throws {
    let history = History((0..<Self.groups).flatMap { Self.group($0) })
    let complete = SimulatedFileSystem()
    let driver = try GroupDriver(.simulated(complete, seed: 1))
    for index in 0..<Self.groups { #expect(try driver.commit(Self.group(index)).allSatisfy { $0 == nil }) }
    driver.lock.release()
    var states = 0
    for cut in 1...complete.operationCount {
      let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: UInt64(cut)))
      var acknowledged = 0
      var durable = 0
      var issued = 0
      if let driver = try? GroupDriver(.simulated(disk, seed: 1)) {
        for index in 0..<Self.groups {
          issued += Self.groupSize
          let outcomes = try driver.commit(Self.group(index))
          // All or none of a group fail, for they share a frame.
          #expect(outcomes.allSatisfy { $0 == nil } || outcomes.allSatisfy { $0 != nil }, "cut \(cut)")
          if outcomes.contains(where: { $0 != nil }) { break }
          acknowledged = issued
          if index < Self.groups - 1 { durable = issued }
        }
        driver.lock.release()
      }
      for model in CrashModel.allCases {
        for seed in 0..<UInt64(2 * CrashEffort.factor) {
          var options = EngineOptions()
          options.memtableBytes = 16 << 10
          let check = RecoveryCheck(
            path: Self.path, options: options, history: history,
            lower: model == .kill ? acknowledged : durable, upper: issued)
          for complaint in check.run(on: disk.crash(model, seed: seed), seed: seed).complaints {
            Issue.record("groups cut at \(cut), \(model) \(seed): \(complaint)")
          }
          states += 1
        }
      }
    }
    print("crash sweep groups: \(states) states")
  }
}
