/// Nodes that are to be linked all at once, in order.
///
/// To sort a hundred thousand of them and link each to the last takes a third of the time of searching a growing list
/// for the place of each, where every step is a page of memory that no cache holds.
struct GatheredNodes {
  private struct Element {
    /// Eight bytes of the key, see ``SearchTarget/head(of:)``.
    var head: UInt64
    var node: SkipListNode
  }

  /// So many nodes fetch their memory at the same time.
  private static let prefetchDistance = 8

  private var elements: [Element] = []
  /// How many bytes all keys begin with alike.
  private var commonBytes = 0

  mutating func append(_ node: SkipListNode) {
    let key = node.key
    if let first = elements.first?.node.key {
      commonBytes = Self.commonPrefix(of: first, key, atMost: commonBytes)
    } else {
      commonBytes = key.count
    }
    elements.append(Element(head: SearchTarget.head(of: key), node: node))
  }

  /// Calls `body` with every node, in order.
  consuming func forEachInOrder(_ body: (SkipListNode) -> Void) {
    if commonBytes > 0 {
      // What all have in common orders nothing: keys of one run may begin with a name that is longer than eight bytes.
      for index in elements.indices {
        let distinctive = UnsafeRawBufferPointer(rebasing: elements[index].node.key.dropFirst(commonBytes))
        elements[index].head = SearchTarget.head(of: distinctive)
      }
    }
    elements.sort { left, right in
      if left.head != right.head { return left.head < right.head }
      return EntryOrder.compare(left.node.key, left.node.trailer, right.node.key, right.node.trailer) < 0
    }
    for index in elements.indices {
      let ahead = index + Self.prefetchDistance
      if ahead < elements.count { elements[ahead].node.prefetch() }
      body(elements[index].node)
    }
  }

  private static func commonPrefix(
    of left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, atMost limit: Int
  ) -> Int {
    let limit = min(limit, right.count)
    var count = 0
    while count < limit && left[count] == right[count] { count += 1 }
    return count
  }
}
