import CairnKV
import Synchronization

/// What a store consists of at one moment, and what keeps its files as they are for as long as they are read.
///
/// Filled by the commit leader between two groups. Of the newest log only what stands before ``Contents/logEnd`` belongs
/// to it: commits go on behind. Segments and value files stay because a version refers to them, logs because of the
/// hold.
final class BackupCut: Sendable, Equatable {
  struct Contents: Sendable {
    /// What the manifest says.
    var state: VersionState
    /// Up to where the newest log is durable, and belongs to the cut.
    var logEnd: FrameFileHeader.End
    /// The last operation that belongs to it.
    var lastSequence: UInt64
    var version: StateReference
    var logs: LogFiles.Hold
  }

  private let filled = Mutex<Contents?>(nil)

  func fill(_ contents: Contents) { filled.withLock { $0 = contents } }

  /// Takes the contents out, so that whoever has them decides when files may go.
  func take() -> Contents? {
    filled.withLock { filled in
      defer { filled = nil }
      return filled
    }
  }

  static func == (left: BackupCut, right: BackupCut) -> Bool { left === right }
}

extension CommitWriter {
  /// Makes everything committed so far durable, and notes what the store consists of.
  func fill(_ cut: BackupCut) throws(StorageError) {
    if let refusal = latch.refusal { throw refusal }
    try log.synchronize()
    let (state, version, hold) = tree.holdFiles()
    cut.fill(
      .init(state: state, logEnd: log.end, lastSequence: nextSequence - 1, version: version, logs: hold))
  }
}
