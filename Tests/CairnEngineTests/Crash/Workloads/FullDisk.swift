import CairnKV

extension EngineWorkload {
  /// The disk is full at a small commit, at one that ends the log, and at one that flushes; each time it has space again.
  static var fullDisk: EngineWorkload {
    EngineWorkload("full-disk") { workload in
      for index in 0..<12 {
        let commit = Commit(
          writes: [.set(key(index % 5), fill(index, index % 4 == 3 ? 9000 : 1200))],
          durability: index % 3 == 1 ? .buffered : .durable)
        workload.steps.append(index % 2 == 1 ? .commitOnFullDisk(commit) : .commit(commit))
      }
    }
  }
}
