import Synchronization

/// Memory that went out of use and waits to be used again.
///
/// The first touch of a page that comes from the system costs one to two microseconds on a virtual machine, five
/// times as much as to fill it: a commit of 1 MiB spent 0.55 ms on them. What a flushed memtable leaves is here
/// for the next one.
///
/// Invariant: each piece is owned by the pool from ``give(_:)`` to ``take(_:)``, and by nobody else then. They are
/// ordered by length, and take at most `limit` together.
final class PagePool: Sendable {
  private struct State {
    var pieces: [PageMemory] = []
    var bytes = 0
  }

  private let state = Mutex(State())
  private let limit: Int

  /// Shorter pieces come from the allocator, which keeps them itself.
  private static let leastBytes = 64 << 10

  /// - Parameter limit: What it keeps at most, in bytes.
  init(limit: Int) {
    self.limit = limit
  }

  deinit { removeAll() }

  /// What waits here.
  var bytes: Int { state.withLock { $0.bytes } }

  /// A piece of at least so many bytes, and at most a quarter more. Its content is anything.
  ///
  /// For one that is made anew as much is given back to the system: what is in use and what waits does not
  /// grow by pieces of the wrong length.
  func take(_ byteCount: Int) -> PageMemory {
    if byteCount < Self.leastBytes { return PageMemory(byteCount: byteCount) }
    var freed: [PageMemory] = []
    let piece = state.withLock { state -> PageMemory? in
      let index = Self.firstIndex(in: state.pieces, atLeast: byteCount)
      if index < state.pieces.count, state.pieces[index].count - byteCount <= byteCount / 4 {
        let piece = state.pieces.remove(at: index)
        state.bytes -= piece.count
        return piece
      }
      var missing = byteCount
      while missing > 0, let longest = state.pieces.popLast() {
        freed.append(longest)
        state.bytes -= longest.count
        missing -= longest.count
      }
      return nil
    }
    for piece in freed { piece.free() }
    return piece ?? PageMemory(byteCount: byteCount)
  }

  /// Takes over a piece, which nobody may use any more.
  func give(_ piece: PageMemory) {
    let isKept = state.withLock { state in
      guard piece.count >= Self.leastBytes, state.bytes + piece.count <= limit else { return false }
      state.pieces.insert(piece, at: Self.firstIndex(in: state.pieces, atLeast: piece.count))
      state.bytes += piece.count
      return true
    }
    if !isKept { piece.free() }
  }

  /// Gives all of it back to the system.
  func removeAll() {
    let pieces = state.withLock { state in
      defer { state = State() }
      return state.pieces
    }
    for piece in pieces { piece.free() }
  }

  private static func firstIndex(in pieces: [PageMemory], atLeast byteCount: Int) -> Int {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].count < byteCount { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
