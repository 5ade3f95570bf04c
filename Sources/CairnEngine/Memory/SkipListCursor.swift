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

  // Links lead forward only: a step back is a search, as in every skip list with small nodes.
  override func previous() throws(StorageError) {
    settle(node.flatMap { list.lastNode(before: $0.key, $0.trailer) })
  }
}
