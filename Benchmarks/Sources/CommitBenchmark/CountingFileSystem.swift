import CairnEngine
import CairnKV
import CairnTesting
import Synchronization

/// The operating system's files, with the syncs counted: how many commits share one is what group commit is
/// judged by.
final class CountingFileSystem: ForwardingFileSystem {
  let base: any FileSystem = POSIXFileSystem()
  private let synchronizations = Counter()

  final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  /// How often any file was synced so far.
  var synchronizationCount: Int { synchronizations.value.load(ordering: .relaxed) }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    CountingFile(try base.openFile(path, mode), synchronizations)
  }
}

private final class CountingFile: ForwardingFile {
  let base: any File
  private let synchronizations: CountingFileSystem.Counter

  init(_ base: any File, _ synchronizations: CountingFileSystem.Counter) {
    self.base = base
    self.synchronizations = synchronizations
  }

  func synchronize() throws(StorageError) {
    synchronizations.value.add(1, ordering: .relaxed)
    try base.synchronize()
  }
}
