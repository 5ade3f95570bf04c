import CairnKV
import CairnTesting
import CrashKit

@testable import CairnEngine

/// Commits that share a frame: each stands for itself, the frame for all. Each step is one group.
struct GroupWorkload: CrashWorkload {
  let name = "groups"
  let stepCount = 5
  private static let groupSize = 3

  private func group(_ index: Int) -> [Commit] {
    (0..<Self.groupSize).map { member in
      Commit(
        writes: (0...member).map { place in
          .set(Array("key-\(index)-\(member)-\(place)".utf8), fill(index, 1200))
        },
        // One that must be durable carries the others along; the last group has none.
        durability: member == 1 && index < stepCount - 1 ? .durable : .buffered)
    }
  }

  func run(_ steps: [Int], on disk: SimulatedFileSystem, _ account: CrashAccount) async throws {
    let driver = try GroupDriver(.simulated(disk, seed: 1))
    defer { driver.lock.release() }
    for index in steps {
      for _ in 0..<Self.groupSize { account.begin() }
      let outcomes = try driver.commit(group(index))
      if let failure = outcomes.compactMap({ $0 }).first {
        if outcomes.contains(where: { $0 == nil }) { account.complain("a part of a group fails") }
        throw failure
      }
      for _ in 0..<Self.groupSize { account.acknowledge(isDurable: false) }
      if index < stepCount - 1 { account.settle() }
    }
  }

  func recover(_ disk: SimulatedFileSystem) async throws {
    try GroupDriver.open(disk)
  }

  func judge(_ disk: SimulatedFileSystem, _ steps: [Int], _ bounds: CrashBounds) async -> CrashVerdict {
    RecoveryCheck(
      path: EngineWorkload.path, options: GroupDriver.options, history: History(steps.flatMap { group($0) }),
      lower: bounds.lower, upper: bounds.upper
    ).run(on: disk, seed: ~disk.fingerprint)
  }
}

/// An engine's commit path without the pipeline, so that a test decides who shares a group.
struct GroupDriver {
  let writer: CommitWriter
  let buffer: FrameBuffer
  let lock: any FileLock

  static var options: EngineOptions {
    var options = EngineOptions()
    options.memtableBytes = 16 << 10
    return options
  }

  init(_ environment: Environment) throws(StorageError) {
    let options = Self.options
    try environment.fileSystem.createDirectory(EngineWorkload.path)
    let directory = StoreDirectory(path: EngineWorkload.path, fileSystem: environment.fileSystem)
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

  /// Opens what it has left, and lets it go.
  static func open(_ disk: SimulatedFileSystem) throws {
    let engine = try Engine.open(
      at: EngineWorkload.path, options: options, environment: .simulated(disk, seed: disk.fingerprint))
    withExtendedLifetime(engine) {}
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
