import CairnKV

/// The entries of several sources as one, in order.
///
/// A move usually stays within the source it was in: so the cursor remembers, beside the winner, the
/// runner-up, and looks through the other sources only when the winner passes it.
///
/// Invariant: `winner` and `runnerUp` are sources, which `sources` keeps as long as this lives; unowned, since
/// a look at either would otherwise count references.
final class MergingCursor: SourceCursor {
  private let sources: [SourceCursor]
  private unowned(unsafe) var winner: SourceCursor
  private unowned(unsafe) var runnerUp: SourceCursor?
  private var isForward = true
  /// The key that is being left, while several sources have it.
  private var leftKey = AppendBuffer(capacity: 0)

  init(_ sources: [SourceCursor]) {
    // Without a source there is one that has nothing.
    self.sources = sources.isEmpty ? [SourceCursor()] : sources
    winner = self.sources[0]
  }

  override func seekToFirst() throws(StorageError) {
    isForward = true
    isValid = false
    for source in sources { try source.seekToFirst() }
    chooseWinner()
  }

  override func seekToLast() throws(StorageError) {
    isForward = false
    isValid = false
    for source in sources { try source.seekToLast() }
    chooseWinner()
  }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isForward = true
    isValid = false
    for source in sources { try source.announceSeek(to: key, trailer) }
    for source in sources { source.fetchAnnounced() }
    for source in sources { try source.seek(atOrAfter: key, trailer) }
    chooseWinner()
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isForward = false
    isValid = false
    for source in sources { try source.announceSeek(to: key, trailer) }
    for source in sources { source.fetchAnnounced() }
    for source in sources { try source.seek(before: key, trailer) }
    chooseWinner()
  }

  override func next() throws(StorageError) {
    isValid = false
    let current = winner
    if !isForward {
      isForward = true
      // Going back, the others stand before the current entry; no two sources hold the
      // same one, unless a log was replayed after a crash, and then meeting it twice does no harm.
      for source in sources where source !== current {
        try source.seek(atOrAfter: current.key, current.trailer)
      }
      try current.next()
      chooseWinner()
    } else {
      try current.next()
      settle()
    }
  }

  override func previous() throws(StorageError) {
    isValid = false
    let current = winner
    if isForward {
      isForward = false
      for source in sources where source !== current {
        try source.seek(before: current.key, current.trailer)
      }
      try current.previous()
      chooseWinner()
    } else {
      try current.previous()
      settle()
    }
  }

  override func nextKey() throws(StorageError) {
    guard isValid, isForward else { return try super.nextKey() }
    // Where the runner-up has another key, so have all others.
    if let runnerUp, runnerUp.isValid, EntryOrder.compare(runnerUp.key, winner.key) == 0 {
      leftKey.replaceContents(with: key)
      return try leave(leftKey.bytes)
    }
    isValid = false
    try winner.nextKey()
    settle()
  }

  @inline(__always)
  private func settle() {
    guard winner.isValid else { return chooseWinner() }
    if let runnerUp, comesFirst(runnerUp, winner) { return chooseWinner() }
    publish()
  }

  @inline(__always)
  private func comesFirst(_ left: SourceCursor, _ right: SourceCursor) -> Bool {
    let order = EntryOrder.compare(left.key, left.trailer, right.key, right.trailer)
    return isForward ? order < 0 : order > 0
  }

  private func chooseWinner() {
    var best: SourceCursor?
    var second: SourceCursor?
    for source in sources where source.isValid {
      guard let leader = best else {
        best = source
        continue
      }
      if comesFirst(source, leader) {
        second = leader
        best = source
      } else if second.map({ comesFirst(source, $0) }) ?? true {
        second = source
      }
    }
    runnerUp = second
    guard let best else {
      isValid = false
      return
    }
    winner = best
    publish()
  }

  @inline(__always)
  private func publish() {
    key = winner.key
    trailer = winner.trailer
    value = winner.value
    isValid = true
  }
}
