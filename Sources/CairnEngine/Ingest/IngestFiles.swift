import CairnKV
import Synchronization

/// The files of an ingest. Each is synced on a background queue while the next one is written, and all are
/// removed if the ingest does not come about.
final class IngestFiles: OutputFiles, Sendable {
  private struct State {
    var begun: [StoreDirectory.Entry] = []
    /// Files that are written but not yet synced.
    var waiting = 0
    var failure: StorageError?
    var isDiscarded = false
  }

  private let tree: Tree
  private let queue: any BackgroundQueue
  private let state = Mutex(State())
  private let syncer = ThreadParker()

  /// So many files may wait for their sync, each with an open descriptor. A disk that is further behind holds
  /// the ingest up.
  private static let greatestWaiting = 32

  init(tree: Tree, queue: any BackgroundQueue) {
    self.tree = tree
    self.queue = queue
  }

  func create(_ entry: StoreDirectory.Entry) throws(StorageError) -> any File {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    state.withLock { $0.begun.append(entry) }
    return try tree.create(entry)
  }

  func complete(_ file: any File) throws(StorageError) {
    while state.withLock({ $0.waiting }) >= Self.greatestWaiting { syncer.park() }
    state.withLock { $0.waiting += 1 }
    queue.submit {
      let isDiscarded = self.state.withLock { $0.isDiscarded }
      self.perform { () throws(StorageError) in
        // What nobody needs any more should not be the sync that fails.
        if !isDiscarded { try self.tree.directory.synchronize(file) }
        try file.close()
      }
      self.state.withLock { $0.waiting -= 1 }
      self.syncer.unpark()
    }
  }

  /// Calls `report` once all files completed so far are durable with their names, with the reason if one is
  /// not.
  func whenDurable(_ report: @escaping @Sendable (StorageError?) -> Void) {
    queue.submit {
      if self.state.withLock({ $0.failure }) == nil {
        self.perform { () throws(StorageError) in try self.tree.directory.synchronize() }
      }
      report(self.state.withLock { $0.failure })
    }
  }

  /// Removes all files of the ingest; their numbers are not given out again while they are there.
  func discard() {
    let entries = state.withLock { state in
      state.isDiscarded = true
      defer { state.begun = [] }
      return state.begun
    }
    discard(entries)
  }

  func discard(_ entries: [StoreDirectory.Entry]) { tree.directory.discard(entries) }

  private func perform(_ work: () throws(StorageError) -> Void) {
    do throws(StorageError) {
      try work()
    } catch {
      state.withLock { if $0.failure == nil { $0.failure = error } }
    }
  }
}
