import CairnKV
import Synchronization

/// A value file that some version of the store has. Opened when it is read.
///
/// As with segments, the last reference decides when the file goes: one in which nothing is live any more, or
/// that was rewritten, is marked obsolete, and is removed when the last reader that might still look into it
/// lets go.
final class ValueFile: Sendable {
  let properties: ValueFileProperties
  private let openFiles: OpenValueFiles
  private let reclaimer: FileReclaimer?
  private let obsolete = Atomic<Bool>(false)

  init(_ properties: ValueFileProperties, openFiles: OpenValueFiles, reclaimer: FileReclaimer?) {
    self.properties = properties
    self.openFiles = openFiles
    self.reclaimer = reclaimer
  }

  deinit {
    openFiles.forget(properties.fileNumber)
    if obsolete.load(ordering: .acquiring) {
      reclaimer?.reclaim(.values(properties.fileNumber), bytes: properties.fileBytes)
    }
  }

  /// The open file, which stays open for as long as the reference is kept.
  func reader() throws(StorageError) -> ValueFileReader { try openFiles.reader(of: properties) }

  /// The file may be removed once nobody refers to it.
  func markObsolete() { obsolete.store(true, ordering: .releasing) }
}
