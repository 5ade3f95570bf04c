import CairnKV
import Synchronization

/// Refuses what fills the disk while there is room still for what frees it.
///
/// To remove something takes space first: a record in the log, then what flushes and compactions write before they
/// give anything back. A store that had filled its disk to the last byte could not be made smaller any more. So below
/// a mark only removals are accepted, and above it everything again, without anybody's doing.
///
/// The file system is asked again when so much has been written that the mark may be near, or while it is reached:
/// that costs a system call for each group then, and next to nothing otherwise.
final class LowWaterMark: Sendable {
  private struct State {
    /// What may be written before the next look.
    var allowedBytes: UInt64 = 0
    var isLow = false
  }

  private let directory: StoreDirectory
  private let leastFreeBytes: UInt64?
  private let state = Mutex(State())

  private static let greatestDefaultBytes: UInt64 = 64 << 20
  /// Of a small file system the mark is this share.
  private static let defaultShare: UInt64 = 20
  /// Others write to the disk, too.
  private static let greatestAllowedBytes: UInt64 = 64 << 20

  /// - Parameter leastFreeBytes: the mark; 0 for none, `nil` for a default.
  init(_ directory: StoreDirectory, leastFreeBytes: UInt64?) {
    self.directory = directory
    self.leastFreeBytes = leastFreeBytes
  }

  /// Whether the mark was reached when somebody last looked.
  var isLow: Bool { state.withLock { $0.isLow } }

  /// Why nothing that sets a value may be written now; `nil` when it may.
  /// - Parameter bytes: how much is about to be written.
  func refusal(writing bytes: UInt64) -> StorageError? {
    if leastFreeBytes == 0 { return nil }
    return state.withLock { state in
      if !state.isLow && bytes <= state.allowedBytes {
        state.allowedBytes -= bytes
        return nil
      }
      // Where nobody knows how much is free, a write that finds no space is told so, and then nothing is lost either.
      guard let space = try? directory.fileSystem.space(at: directory.path) else {
        state.allowedBytes = Self.greatestAllowedBytes
        return nil
      }
      let mark = leastFreeBytes ?? min(Self.greatestDefaultBytes, space.totalBytes / Self.defaultShare)
      let isLow = space.freeBytes < mark
      state.allowedBytes = isLow ? 0 : min((space.freeBytes - mark) / 2, Self.greatestAllowedBytes)
      if isLow != state.isLow {
        state.isLow = isLow
        directory.events.emit(isLow ? .spaceLow(freeBytes: space.freeBytes) : .spaceRegained)
      }
      if !isLow { return nil }
      return StorageError(
        .full,
        "only \(space.freeBytes) bytes are free, and \(mark) are kept for removals to be possible: remove something, or "
          + "make room on the disk", file: directory.path)
    }
  }
}
