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
    sortByHead()
    sortEqualHeads()
    for index in elements.indices {
      let ahead = index + Self.prefetchDistance
      if ahead < elements.count { elements[ahead].node.prefetch() }
      body(elements[index].node)
    }
  }

  /// By counting, eleven bits at a time, the least significant first: an eighth of what comparing takes.
  private mutating func sortByHead() {
    let digitBits = 11
    let differing = elements.reduce(0 as UInt64) { $0 | ($1.head ^ elements[0].head) }
    var other = elements
    for shift in stride(from: 0, to: UInt64.bitWidth, by: digitBits) {
      let mask = UInt64((1 << digitBits) - 1)
      if differing >> UInt64(shift) & mask == 0 { continue }
      var places = [Int](repeating: 0, count: 1 << digitBits)
      for element in elements { places[Int(element.head >> UInt64(shift) & mask)] += 1 }
      var sum = 0
      for digit in places.indices {
        sum += places[digit]
        places[digit] = sum - places[digit]
      }
      for element in elements {
        let digit = Int(element.head >> UInt64(shift) & mask)
        other[places[digit]] = element
        places[digit] += 1
      }
      swap(&elements, &other)
    }
  }

  /// Puts what a comparison of heads leaves undecided in order: keys that differ later, and versions of one key.
  private mutating func sortEqualHeads() {
    var start = 0
    while start < elements.count {
      var end = start + 1
      while end < elements.count && elements[end].head == elements[start].head { end += 1 }
      if end - start > 1 {
        elements[start..<end].sort { left, right in
          EntryOrder.compare(left.node.key, left.node.trailer, right.node.key, right.node.trailer) < 0
        }
      }
      start = end
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
