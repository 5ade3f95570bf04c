import CairnKV

/// Walks a skip list while it is being written. Keeps the list, and so its memory, alive.
final class SkipListCursor: SourceCursor {
  private let list: SkipList
  private var node: SkipListNode?

  init(_ list: SkipList) {
    self.list = list
  }

  @inline(__always)
  private func settle(_ node: SkipListNode?) {
    self.node = node
    guard let node else {
      isValid = false
      return
    }
    key = node.key
    trailer = node.trailer
    value = node.value
    isValid = true
  }

  override func seekToFirst() throws(StorageError) { settle(list.first) }
  override func seekToLast() throws(StorageError) { settle(list.last) }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    settle(list.firstNode(atOrAfter: key, trailer))
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    settle(list.lastNode(before: key, trailer))
  }

  override func next() throws(StorageError) { settle(node?.next(0)) }

  override func nextKey() throws(StorageError) {
    // Its memory stays as long as the list does.
    let left = key
    for _ in 0..<Self.stepsBeforeSeek {
      settle(node?.next(0))
      guard isValid, EntryOrder.compare(key, left) == 0 else { return }
    }
    // No entry has a lesser trailer than 0, so what is found there may be of the same key.
    settle(list.firstNode(atOrAfter: left, EntryTrailer(rawValue: 0)))
    while isValid, EntryOrder.compare(key, left) == 0 { settle(node?.next(0)) }
  }

  // Links lead forward only: a step back is a search, as in every skip list with small nodes.
  override func previous() throws(StorageError) {
    settle(node.flatMap { list.lastNode(before: $0.key, $0.trailer) })
  }
}
