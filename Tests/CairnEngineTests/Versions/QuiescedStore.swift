import CairnKV
import CairnTesting

@testable import CairnEngine

/// A store that was closed, opened without an engine: all that background work would do in a quiet while is
/// done step by step.
struct QuiescedStore {
  let tree: Tree
  let compactor: Compactor
  private(set) var steps = 0

  /// Flushes all that is in memory, and compacts until nothing is left to do.
  init(_ disk: SimulatedFileSystem, at path: String, options: EngineOptions, idle: Bool = true) throws {
    let environment = Environment.simulated(disk, seed: 77)
    let opening = StoreOpening(
      directory: StoreDirectory(path: path, fileSystem: disk), options: options, environment: environment)
    tree = try opening.run(fileQueue: environment.scheduler.makeQueue(label: "files")).tree
    compactor = Compactor(
      tree: tree, random: environment.random, segmentOptions: SegmentOptions(),
      segmentBytes: options.segmentBytes,
      picker: CompactionPicker(
        levelZeroSegments: EngineOptions.levelZeroSegments, levelOneBytes: options.levelOneBytes,
        levelZeroReferencedBytes: UInt64(options.memtableLimit)))
    let flusher = Flusher(
      tree: tree, random: environment.random, segmentOptions: SegmentOptions(),
      valueThreshold: options.valueThreshold, valueOptions: ValueFileOptions())
    tree.seal(replacingWith: Memtable(oldestLog: tree.manifest.state.logs.last ?? 0))
    while try flusher.flushOldest() {}
    while try compactor.compactOnce(isIdle: idle) {
      steps += 1
      guard steps < 10_000 else {
        throw StorageError(.internalInconsistency, "compaction does not end")
      }
    }
  }

  /// What is visible.
  func entries() throws -> [KeyValue] {
    let (state, sequence) = tree.view()
    var entries: [KeyValue] = []
    _ = try ReadView(state, snapshot: sequence).scan(.all, .ascending, limit: nil, own: nil) {
      entries.append($0)
      return .proceed
    }
    return entries
  }
}
