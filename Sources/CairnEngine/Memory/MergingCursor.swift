import CairnKV

/// The entries of several sources as one, in order.
///
/// A move usually stays within the source it was in: so the cursor remembers, beside the winner, the
/// runner-up, and looks through the other sources only when the winner passes it.
final class MergingCursor: SourceCursor {
  private let sources: [SourceCursor]
  private var winner = 0
  private var runnerUp: Int?
  private var isForward = true

  init(_ sources: [SourceCursor]) {
    self.sources = sources
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
    for source in sources { try source.seek(atOrAfter: key, trailer) }
    chooseWinner()
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isForward = false
    isValid = false
    for source in sources { try source.seek(before: key, trailer) }
    chooseWinner()
  }

  override func next() throws(StorageError) {
    isValid = false
    let current = sources[winner]
    if !isForward {
      isForward = true
      // Going back, the others stand before the current entry; no two sources hold the
      // same one, unless a log was replayed after a crash, and then meeting it twice does no harm.
      for (index, source) in sources.enumerated() where index != winner {
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
    let current = sources[winner]
    if isForward {
      isForward = false
      for (index, source) in sources.enumerated() where index != winner {
        try source.seek(before: current.key, current.trailer)
      }
      try current.previous()
      chooseWinner()
    } else {
      try current.previous()
      settle()
    }
  }

  @inline(__always)
  private func settle() {
    let current = sources[winner]
    guard current.isValid else { return chooseWinner() }
    if let runnerUp, comesFirst(sources[runnerUp], current) { return chooseWinner() }
    publish(current)
  }

  @inline(__always)
  private func comesFirst(_ left: SourceCursor, _ right: SourceCursor) -> Bool {
    let order = EntryOrder.compare(left.key, left.trailer, right.key, right.trailer)
    return isForward ? order < 0 : order > 0
  }

  private func chooseWinner() {
    var best: Int?
    var second: Int?
    for (index, source) in sources.enumerated() where source.isValid {
      guard let leader = best else {
        best = index
        continue
      }
      if comesFirst(source, sources[leader]) {
        second = leader
        best = index
      } else if second.map({ comesFirst(source, sources[$0]) }) ?? true {
        second = index
      }
    }
    runnerUp = second
    guard let best else {
      isValid = false
      return
    }
    winner = best
    publish(sources[best])
  }

  @inline(__always)
  private func publish(_ source: SourceCursor) {
    key = source.key
    trailer = source.trailer
    value = source.value
    isValid = true
  }
}
