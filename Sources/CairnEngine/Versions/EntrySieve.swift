/// Decides which entries a flush or a compaction carries over. Fed with entries in order.
///
/// The live snapshots cut the sequence numbers into *stripes*: two versions of a key in one stripe look the
/// same to every snapshot but for the newer one, so only the newest version of each stripe is kept, and
/// that only if no range removal of its own stripe covers it. A removal itself goes once there is nothing
/// left for it to hide: it is in the oldest stripe, and no deeper level has the key. (A removal newer than
/// some live snapshot is always kept: the validation of a transaction that read at that snapshot must be
/// able to see it.)
struct EntrySieve {
  private let snapshots: [UInt64]
  private let removals: RangeTombstoneSet
  private let hasRemovals: Bool
  private let isDeepest: (UnsafeRawBufferPointer) -> Bool
  private var lastKey: [UInt8] = []
  private var hasLast = false
  private var lastStripe = 0

  /// Whether the last entry that was kept is only there for snapshots: a newer one of its key was among the
  /// entries, or a newer range removal covers it.
  private(set) var isSuperseded = false

  /// - Parameters:
  ///   - snapshots: the sequence numbers of the live snapshots, ascending.
  ///   - removals: the range removals of all sources.
  ///   - isDeepest: whether nothing below the output can have the key.
  init(
    snapshots: [UInt64], removals: RangeTombstoneSet, isDeepest: @escaping (UnsafeRawBufferPointer) -> Bool
  ) {
    self.snapshots = snapshots
    self.removals = removals
    hasRemovals = !removals.isEmpty
    self.isDeepest = isDeepest
  }

  /// Whether the entry is still needed.
  mutating func keeps(_ key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Bool {
    let stripe = Self.stripe(of: trailer.sequence, snapshots)
    let isSameKey = hasLast && lastKey.withUnsafeBytes { EntryOrder.compare($0, key) == 0 }
    if isSameKey {
      if stripe == lastStripe { return false }
    } else {
      lastKey.removeAll(keepingCapacity: true)
      lastKey.append(contentsOf: key)
      hasLast = true
    }
    lastStripe = stripe
    isSuperseded = isSameKey
    if hasRemovals {
      let isNewest = stripe == snapshots.count
      let newestOfStripe = isNewest ? .max : snapshots[stripe]
      if removals.newestCovering(key, visibleAt: newestOfStripe) > trailer.sequence { return false }
      if !isNewest && removals.newestCovering(key, visibleAt: .max) > trailer.sequence { isSuperseded = true }
    }
    return !(trailer.kind == .removal && stripe == 0 && isDeepest(key))
  }

  /// How many snapshots there are that do not see `sequence`.
  static func stripe(of sequence: UInt64, _ snapshots: [UInt64]) -> Int {
    snapshots.firstIndex { $0 >= sequence } ?? snapshots.count
  }
}
