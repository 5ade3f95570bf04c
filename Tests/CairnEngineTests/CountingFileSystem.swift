import CairnEngine
import CairnKV
import CairnTesting
import Synchronization

/// A file system that knows how many files are open in it.
final class CountingFileSystem: ForwardingFileSystem {
  let base: any FileSystem
  private let counts = Mutex((open: 0, most: 0, opened: 0))

  init(_ base: any FileSystem) { self.base = base }

  var open: Int { counts.withLock { $0.open } }
  var most: Int { counts.withLock { $0.most } }
  var opened: Int { counts.withLock { $0.opened } }

  fileprivate func change(by number: Int) {
    counts.withLock { counts in
      counts.open += number
      counts.most = max(counts.most, counts.open)
      if number > 0 { counts.opened += 1 }
    }
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    CountedFile(try base.openFile(path, mode), self)
  }

  /// Counts as open until its last reference goes.
  private final class CountedFile: ForwardingFile {
    let base: any File
    let owner: CountingFileSystem

    init(_ base: any File, _ owner: CountingFileSystem) {
      self.base = base
      self.owner = owner
      owner.change(by: 1)
    }
    deinit { owner.change(by: -1) }
  }
}

/// A file whose reads are counted.
final class ReadCountingFile: ForwardingFile {
  let base: any File
  private let count = Atomic<Int>(0)

  init(_ base: any File) { self.base = base }

  /// How many reads there were since this was last asked.
  var newReads: Int { count.exchange(0, ordering: .relaxed) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    count.add(1, ordering: .relaxed)
    return try base.read(into: buffer, at: offset)
  }
}
