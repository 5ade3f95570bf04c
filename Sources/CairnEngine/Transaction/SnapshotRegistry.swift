import Synchronization

/// The sequence numbers at which somebody is reading: compactions keep what they need.
///
/// Whoever finds that a snapshot keeps something of use to nobody else can ask to be told when it goes. Taking
/// and giving back a snapshot cost one short lock, as without that.
final class SnapshotRegistry: Sendable {
  private struct State {
    var holders: [UInt64: Int] = [:]
    var awaited: Set<UInt64> = []
    var onRelease: @Sendable () -> Void = {}
  }

  private let state = Mutex(State())

  func add(_ sequence: UInt64) {
    state.withLock { $0.holders[sequence, default: 0] += 1 }
  }

  func remove(_ sequence: UInt64) {
    let notify = state.withLock { state -> (@Sendable () -> Void)? in
      let count = state.holders[sequence, default: 0]
      state.holders[sequence] = count > 1 ? count - 1 : nil
      guard count <= 1, !state.awaited.isEmpty, state.awaited.remove(sequence) != nil else { return nil }
      return state.onRelease
    }
    notify?()
  }

  /// Ascending.
  var live: [UInt64] { state.withLock { $0.holders.keys.sorted() } }

  /// What is called when a snapshot has gone that was waited for, on the thread that gave it back.
  func setReleaseHandler(_ handler: @escaping @Sendable () -> Void) {
    state.withLock { $0.onRelease = handler }
  }

  /// Has the handler called once for each of these snapshots when nobody holds it any more.
  /// - Returns: `false`, and nothing is waited for, when one of them has gone already.
  func awaitRelease(of sequences: some Sequence<UInt64>) -> Bool {
    state.withLock { state in
      guard sequences.allSatisfy({ state.holders[$0] != nil }) else { return false }
      state.awaited.formUnion(sequences)
      return true
    }
  }
}
