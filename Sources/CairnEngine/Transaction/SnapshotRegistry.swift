import Synchronization

/// The sequence numbers at which somebody is reading: compactions keep what they need.
final class SnapshotRegistry: Sendable {
  private let holders = Mutex<[UInt64: Int]>([:])

  func add(_ sequence: UInt64) {
    holders.withLock { $0[sequence, default: 0] += 1 }
  }

  func remove(_ sequence: UInt64) {
    holders.withLock { holders in
      let count = holders[sequence, default: 0]
      holders[sequence] = count > 1 ? count - 1 : nil
    }
  }

  /// Ascending.
  var live: [UInt64] { holders.withLock { $0.keys.sorted() } }
}
