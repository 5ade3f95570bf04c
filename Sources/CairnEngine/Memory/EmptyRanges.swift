import CairnKV
import Synchronization

/// What readers have found out about ranges that hold nothing but removed keys, so that the next one need not
/// step over them again.
///
/// The head of a queue, what was pruned of a timeline: there a read would otherwise pass every removed key
/// that is still in some source, more of them with every removal, until compaction has got to all of them.
/// Removing the entries sooner does not help enough: some tens of thousands fit into the memtable alone. So
/// what is remembered here is about keys, not about entries, and outlives every flush and compaction.
///
/// It is always safe to know nothing. What is known has to be true for every reader at its sequence number
/// or later, which is why:
///
/// - a reader proposes a range that it found empty at its snapshot, and then makes sure that the active
///   memtable holds no newer value in it. A proposal that is older than the active memtable, or than what was
///   taken in past it, is refused: the value could be elsewhere;
/// - the commit leader inserts a value first, then cuts it out of what is known *and* proposed, and only then
///   publishes it. Either the reader's second look finds the value, or the leader finds the proposal. (The
///   two fences see to it: each side writes, then looks at what the other writes.)
final class EmptyRanges: Sendable {
  private struct Proposal {
    var range: KeyRange
    var number: UInt64
  }

  private struct State {
    var known = EmptyRangeSet()
    var proposals: [Proposal] = []
    var proposalCount: UInt64 = 0
    /// Whatever is newer than this is in the active memtable.
    var barrier: UInt64

    mutating func cut(_ key: UnsafeRawBufferPointer) {
      known.cut(key)
      proposals.removeAll { proposal in
        proposal.range.lower.withUnsafeBytes { EntryOrder.compare($0, key) <= 0 }
          && proposal.range.upper.map { $0.withUnsafeBytes { EntryOrder.compare($0, key) > 0 } } ?? true
      }
    }
  }

  private let state: Mutex<State>
  /// Whether anything is known or proposed.
  private let isInUse = Atomic<Bool>(false)

  /// Readers propose a range when they have stepped over so many removed keys.
  static let worthwhileSteps = 8
  private static let greatestProposalCount = 16

  /// - Parameter lastSequence: the newest that there is.
  init(lastSequence: UInt64 = 0) {
    state = Mutex(State(barrier: lastSequence &- min(lastSequence, 1)))
  }

  // MARK: Readers

  /// From where on a reader at `snapshot` has to look that starts at `key`, going up; `nil` when it is there.
  @inline(__always)
  func firstToLookAt(from key: UnsafeRawBufferPointer, at snapshot: UInt64) -> EmptyRangeSet.Bound? {
    guard isInUse.load(ordering: .relaxed) else { return nil }
    return state.withLock { $0.known.firstToLookAt(from: key, at: snapshot) }
  }

  /// Before which key a reader at `snapshot` has to look that starts before `key` (`nil`: at the end), going
  /// down; `nil` when it is there.
  @inline(__always)
  func endToLookAt(from key: [UInt8]?, at snapshot: UInt64) -> [UInt8]? {
    guard isInUse.load(ordering: .relaxed) else { return nil }
    return state.withLock { $0.known.endToLookAt(from: key, at: snapshot) }
  }

  /// What has to be looked at of `range` to know all keys that anybody has seen in it at `snapshot` or later.
  func remainder(of range: KeyRange, at snapshot: UInt64) -> KeyRange {
    guard isInUse.load(ordering: .relaxed) else { return range }
    return state.withLock { state in
      var rest = range
      switch range.lower.withUnsafeBytes({ state.known.firstToLookAt(from: $0, at: snapshot) }) {
      case .end: return KeyRange(from: [], to: [])
      case .key(let key): rest.lower = key
      case nil: break
      }
      if let upper = state.known.endToLookAt(from: rest.upper, at: snapshot) { rest.upper = upper }
      return rest
    }
  }

  /// Remembers that a reader at `snapshot` has found no live key in `range`.
  ///
  /// - Parameter active: the memtable that was active when the snapshot was taken.
  func note(_ range: KeyRange, at snapshot: UInt64, _ active: Memtable) throws(StorageError) {
    guard let number = propose(range, at: snapshot) else { return }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let isStillEmpty = try !active.makeCursor().hasEntry(in: range) {
      $0.sequence > snapshot && $0.isValue
    }
    state.withLock { state in
      guard let index = state.proposals.firstIndex(where: { $0.number == number }) else { return }
      state.proposals.remove(at: index)
      if isStillEmpty { state.known.add(range, since: snapshot) }
    }
  }

  private func propose(_ range: KeyRange, at snapshot: UInt64) -> UInt64? {
    state.withLock { state in
      guard snapshot > state.barrier, !range.isEmpty, state.proposals.count < Self.greatestProposalCount
      else { return nil }
      state.proposalCount += 1
      state.proposals.append(Proposal(range: range, number: state.proposalCount))
      isInUse.store(true, ordering: .relaxed)
      return state.proposalCount
    }
  }

  // MARK: The commit leader

  /// Cuts the keys that the operations of a batch give values to out of what is known. To be called once they
  /// are in the memtable, before they are published.
  func cut(_ operations: UnsafeRawBufferPointer) {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard isInUse.load(ordering: .relaxed) else { return }
    state.withLock { state in
      var decoder = BatchDecoder(operations)
      while let operation = decoder.next() {
        if case .value(let key, _) = operation { state.cut(key) }
      }
      isInUse.store(!state.known.pieces.isEmpty || !state.proposals.isEmpty, ordering: .relaxed)
    }
  }

  /// Values up to `sequence` may have come into `range` past the active memtable. To be called before they
  /// are published.
  func cut(_ range: KeyRange, upTo sequence: UInt64) {
    state.withLock { state in
      state.barrier = max(state.barrier, sequence)
      state.known.cut(range)
      state.proposals.removeAll { EmptyRangeSet.overlap($0.range, range) }
    }
  }

  /// Another memtable takes the place of the active one, which holds what there is up to `sequence`.
  func beginMemtable(after sequence: UInt64) {
    state.withLock { $0.barrier = max($0.barrier, sequence) }
  }
}
