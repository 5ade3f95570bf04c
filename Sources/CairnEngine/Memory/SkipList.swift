import CairnShims
import Synchronization

/// A sorted set of entries in an arena: one writer, any number of readers that take no lock.
///
/// (W. Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990.) An entry is written
/// completely before a releasing store links it at its lowest level; readers follow links with acquiring
/// loads. Nothing is ever unlinked or changed, so a reader needs nothing but a reference to the list.
///
/// A node, in arena memory:
///
///      0  u64  the key's first eight bytes as a big-endian number, zero-padded: most comparisons end here
///      8  u64  trailer
///     16  u32  key length      20  u32  height
///     24  u64  value length
///     32  height × u64         the next node at each level, 0 at the end
///      …  key, then value, or if the height says so the value's address
final class SkipList: @unchecked Sendable {
  static let greatestHeight = 12

  let arena: Arena
  private let head: SkipListNode
  private let height = Atomic<Int>(1)
  private let entries = Atomic<Int>(0)

  // The writer's own state. `splice[level]` is the last node at or before the newest entry at each level: a
  // key that follows the previous one (the common case: keys clustered by run) is linked without a search.
  // `greatestHeight` nodes, from `init` to `deinit`: not an array, at each use of which it would be checked that no other
  // one is under way.
  private let splice: UnsafeMutablePointer<SkipListNode>
  private var heightSource: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var gathered: GatheredNodes?
  private var isGathering = false

  init(firstChunkBytes: Int, pool: PagePool? = nil) {
    arena = Arena(firstChunkBytes: firstChunkBytes, pool: pool)
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    head = SkipListNode.make(
      in: arena, height: Self.greatestHeight, key: empty, trailer: .newest, value: empty)
    splice = .allocate(capacity: Self.greatestHeight)
    splice.initialize(repeating: head, count: Self.greatestHeight)
  }

  deinit { splice.deallocate() }

  /// How many entries there are. May be read from any thread.
  var count: Int { entries.load(ordering: .relaxed) }

  /// Adds an entry. Only from one thread at a time; no equal (key, trailer) may be present.
  /// - Parameter inPlace: Whether the value is left where it is, in memory that the arena is about to adopt.
  func insert(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer, inPlace: Bool = false
  ) {
    if isGathering {
      let node = SkipListNode.make(
        in: arena, height: randomHeight(), key: key, trailer: trailer, value: value, inPlace: inPlace)
      gathered?.append(node)
      entries.add(1, ordering: .relaxed)
      return
    }
    let target = SearchTarget(key, trailer)
    let currentHeight = height.load(ordering: .relaxed)
    if !spliceBrackets(target) {
      var node = head
      for level in stride(from: currentHeight - 1, through: 0, by: -1) {
        while let next = node.next(level), next.precedes(target) { node = next }
        splice[level] = node
      }
    }
    let nodeHeight = randomHeight()
    if nodeHeight > currentHeight {
      for level in currentHeight..<nodeHeight { splice[level] = head }
      // A reader that sees the new height before the node finds the head's empty link there, and goes down.
      height.store(nodeHeight, ordering: .relaxed)
    }
    let node = SkipListNode.make(
      in: arena, height: nodeHeight, key: key, trailer: trailer, value: value, inPlace: inPlace)
    for level in 0..<nodeHeight {
      node.setNextUnpublished(level, splice[level].next(level))
      splice[level].publishNext(level, node)
      splice[level] = node
    }
    entries.add(1, ordering: .relaxed)
  }

  // MARK: Gathering

  /// From here on entries are only gathered, to be linked all at once by ``linkGathered()``, which is faster by far for
  /// many in no order. Until then nobody may read, and there must be no entry before.
  func gather() {
    gathered = GatheredNodes()
    isGathering = true
  }

  /// Links what was gathered. Afterwards entries are linked as they come.
  func linkGathered() {
    isGathering = false
    guard let nodes = gathered.take() else { return }
    var greatest = 1
    nodes.forEachInOrder { node in
      let nodeHeight = node.height
      greatest = max(greatest, nodeHeight)
      for level in 0..<nodeHeight {
        splice[level].publishNext(level, node)
        splice[level] = node
      }
    }
    height.store(greatest, ordering: .relaxed)
  }

  /// Whether the target belongs right behind the newest entry. If it does at level 0 it does at every
  /// level: the splice is nested, each level's node at or before the one below, each level's next at or
  /// after it.
  private func spliceBrackets(_ target: SearchTarget) -> Bool {
    let before = splice[0]
    guard before == head || before.precedes(target) else { return false }
    guard let after = before.next(0) else { return true }
    return !after.precedes(target)
  }

  private func randomHeight() -> Int {
    // xorshift64: heights need no secrecy, only that one level in four goes on to the next.
    heightSource ^= heightSource << 13
    heightSource ^= heightSource >> 7
    heightSource ^= heightSource << 17
    return min(1 + heightSource.trailingZeroBitCount / 2, Self.greatestHeight)
  }

  // MARK: Reading, from any thread

  var first: SkipListNode? { head.next(0) }

  var last: SkipListNode? {
    var node = head
    for level in stride(from: height.load(ordering: .relaxed) - 1, through: 0, by: -1) {
      while let next = node.next(level) { node = next }
    }
    return node == head ? nil : node
  }

  /// The first entry at or after the target.
  func firstNode(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> SkipListNode? {
    search(SearchTarget(key, trailer)).notBefore
  }

  /// The last entry before the target.
  func lastNode(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> SkipListNode? {
    let node = search(SearchTarget(key, trailer)).before
    return node == head ? nil : node
  }

  /// The last node before the target, or the head, and the node that was seen behind it.
  ///
  /// Both come from one load of one link. Asking the first for its successor once more would be wrong: an
  /// entry that was inserted between the two meanwhile may itself be before the target.
  @inline(__always)
  private func search(_ target: SearchTarget) -> (before: SkipListNode, notBefore: SkipListNode?) {
    var node = head
    var level = height.load(ordering: .relaxed) - 1
    // The node that ended the search one level up need not be compared again.
    var notBefore: SkipListNode?
    while level >= 0 {
      while true {
        guard let next = node.next(level) else {
          notBefore = nil
          break
        }
        if next == notBefore { break }
        guard next.precedes(target) else {
          notBefore = next
          break
        }
        node = next
      }
      level -= 1
    }
    return (node, notBefore)
  }
}

/// What is searched for, with the key's first bytes at hand.
struct SearchTarget {
  let key: UnsafeRawBufferPointer
  let trailer: EntryTrailer
  let head: UInt64

  @inline(__always)
  init(_ key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) {
    self.key = key
    self.trailer = trailer
    head = Self.head(of: key)
  }

  /// The first eight bytes as a big-endian number: where two of them differ, so do the keys, in the same
  /// order.
  @inline(__always)
  static func head(of key: UnsafeRawBufferPointer) -> UInt64 {
    if key.count >= 8 { return key.loadUnaligned(as: UInt64.self).bigEndian }
    var result: UInt64 = 0
    for byte in key { result = result << 8 | UInt64(byte) }
    return key.isEmpty ? 0 : result << UInt64(8 * (8 - key.count))
  }
}

/// One node's address. All of its memory but the links is immutable once it can be reached.
struct SkipListNode: Equatable {
  private let address: UnsafeMutableRawPointer

  private static let linksOffset = 32
  /// With the height: that the value's address stands in its place.
  private static let valueElsewhere: UInt32 = 1 << 31

  @inline(__always)
  private init(_ address: UnsafeMutableRawPointer) { self.address = address }

  static func make(
    in arena: Arena, height: Int, key: UnsafeRawBufferPointer, trailer: EntryTrailer,
    value: UnsafeRawBufferPointer, inPlace: Bool = false
  ) -> SkipListNode {
    let keyOffset = linksOffset + 8 * height
    let valueBytes = inPlace ? MemoryLayout<UInt>.size : value.count
    let address = arena.allocate(keyOffset + key.count + valueBytes)
    address.storeBytes(of: SearchTarget.head(of: key), as: UInt64.self)
    address.storeBytes(of: trailer.rawValue, toByteOffset: 8, as: UInt64.self)
    address.storeBytes(of: UInt32(key.count), toByteOffset: 16, as: UInt32.self)
    let flag = inPlace ? valueElsewhere : 0
    address.storeBytes(of: UInt32(height) | flag, toByteOffset: 20, as: UInt32.self)
    address.storeBytes(of: UInt64(value.count), toByteOffset: 24, as: UInt64.self)
    for level in 0..<height { (address + linksOffset + 8 * level).initializeMemory(as: UInt.self, to: 0) }
    if let source = key.baseAddress { (address + keyOffset).copyMemory(from: source, byteCount: key.count) }
    if inPlace {
      let place = UInt(bitPattern: value.baseAddress)
      address.storeBytes(of: place, toByteOffset: keyOffset + key.count, as: UInt.self)
    } else if let source = value.baseAddress {
      (address + keyOffset + key.count).copyMemory(from: source, byteCount: value.count)
    }
    return SkipListNode(address)
  }

  @inline(__always)
  private func link(_ level: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
    (address + Self.linksOffset + 8 * level).assumingMemoryBound(to: Atomic<UInt>.self)
  }

  @inline(__always)
  func next(_ level: Int) -> SkipListNode? {
    guard let next = UnsafeMutableRawPointer(bitPattern: link(level).pointee.load(ordering: .acquiring))
    else { return nil }
    return SkipListNode(next)
  }

  @inline(__always)
  func setNextUnpublished(_ level: Int, _ node: SkipListNode?) {
    link(level).pointee.store(UInt(bitPattern: node?.address), ordering: .relaxed)
  }

  @inline(__always)
  func publishNext(_ level: Int, _ node: SkipListNode) {
    link(level).pointee.store(UInt(bitPattern: node.address), ordering: .releasing)
  }

  @inline(__always)
  func prefetch() { cairn_prefetch(address) }

  @inline(__always)
  var trailer: EntryTrailer { EntryTrailer(rawValue: address.load(fromByteOffset: 8, as: UInt64.self)) }

  @inline(__always)
  private var heightAndFlag: UInt32 { address.load(fromByteOffset: 20, as: UInt32.self) }

  @inline(__always)
  var height: Int { Int(heightAndFlag & ~Self.valueElsewhere) }

  @inline(__always)
  var key: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: address + Self.linksOffset + 8 * height,
      count: Int(address.load(fromByteOffset: 16, as: UInt32.self)))
  }

  @inline(__always)
  var value: UnsafeRawBufferPointer {
    let key = key
    let count = Int(address.load(fromByteOffset: 24, as: UInt64.self))
    guard let end = key.baseAddress.map({ $0 + key.count }) else { return key }
    if heightAndFlag & Self.valueElsewhere == 0 { return UnsafeRawBufferPointer(start: end, count: count) }
    let place = UnsafeRawPointer(bitPattern: end.loadUnaligned(as: UInt.self))
    return UnsafeRawBufferPointer(start: place, count: place == nil ? 0 : count)
  }

  @inline(__always)
  func precedes(_ target: SearchTarget) -> Bool {
    let head = address.load(as: UInt64.self)
    if head != target.head { return head < target.head }
    return EntryOrder.compare(key, trailer, target.key, target.trailer) < 0
  }
}
