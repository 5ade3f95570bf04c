import CairnKV
import Synchronization

/// A store as a reader found it, with the files that it needs.
final class ReadOnlyState: Sendable {
  let reference: StateReference
  /// Up to where it is read.
  let sequence: UInt64
  /// Whether somebody had it open for writing.
  let isLive: Bool
  let manifest: VersionState
  /// By the clock of the environment.
  let monotonicNanoseconds: UInt64
  private let pins: PinnedFiles.Pins

  init(
    _ reference: StateReference, sequence: UInt64, isLive: Bool, manifest: VersionState,
    monotonicNanoseconds: UInt64, pins: PinnedFiles.Pins
  ) {
    self.reference = reference
    self.sequence = sequence
    self.isLive = isLive
    self.manifest = manifest
    self.monotonicNanoseconds = monotonicNanoseconds
    self.pins = pins
  }

  var view: ReadView { ReadView(reference, snapshot: sequence) }
}

/// What a snapshot of a store that was opened for reading only reads from.
final class ReadOnlySnapshotSource: SnapshotSource {
  private let state: ReadOnlyState
  private let owner: ReadOnlyEngine

  init(_ state: ReadOnlyState, of owner: ReadOnlyEngine) {
    self.state = state
    self.owner = owner
  }

  func view(at sequence: UInt64) throws(StorageError) -> ReadView {
    try owner.checkOpen()
    return state.view
  }

  func release(_ sequence: UInt64) {}
}
