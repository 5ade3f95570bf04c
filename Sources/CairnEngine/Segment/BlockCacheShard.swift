/// One shard of the block cache: a hash table of blocks in two queues, after S3-FIFO (Yang et al., SOSP
/// 2023).
///
/// A new block waits in the *trial* queue, which has a tenth of the space. If it was used again by the time
/// it reaches the queue's end, it moves to the *main* queue, else it goes, and a scan so never displaces
/// what is used. In the main queue, a block that was used since it last came by goes round again. What was
/// evicted from trial is remembered for a while by its hash, and enters the main queue directly if it comes
/// back. A hit only increments a counter; nothing is moved. Most hits do not even come here: an open segment
/// finds what it has found before in its own ``BlockSlot``s, which are emptied when a block goes.
struct BlockCacheShard {
  private struct Slot {
    var segment: UInt64
    var offset: UInt64
    var hash: UInt64
    var block: Block?
    /// Where an open segment finds the block without the shard.
    var place: BlockSlot?
    var previous: Int32
    var next: Int32
    var uses: UInt8
    var isMain: Bool
  }

  /// A queue through the slots; enters at the head and leaves at the tail.
  private struct Queue {
    var head: Int32 = -1
    var tail: Int32 = -1
    var bytes = 0
  }

  private var capacityBytes: Int
  private var slots: [Slot] = []
  private var freeSlots: [Int32] = []
  /// Slot numbers, -1 for none, at the place that the hash says or the next free one. At most half full.
  private var buckets = [Int32](repeating: -1, count: 64)
  private var trial = Queue()
  private var main = Queue()
  /// Hashes of blocks evicted from trial, in a table that newer ones overwrite.
  private var ghosts = [UInt64](repeating: 0, count: 64)

  init(capacityBytes: Int) {
    self.capacityBytes = capacityBytes
    slots.reserveCapacity(buckets.count / 2)
    freeSlots.reserveCapacity(buckets.count / 2)
  }

  /// What the blocks take.
  var usedBytes: Int { trial.bytes + main.bytes }

  /// What the tables take, which the blocks have to make room for.
  var tableBytes: Int {
    slots.capacity * MemoryLayout<Slot>.stride + freeSlots.capacity * MemoryLayout<Int32>.stride
      + buckets.count * MemoryLayout<Int32>.stride + ghosts.count * MemoryLayout<UInt64>.stride
  }

  @inline(__always)
  mutating func find(_ segment: UInt64, _ offset: UInt64, hash: UInt64, place: BlockSlot?) -> Block? {
    guard let slot = slotNumber(segment, offset, hash) else { return nil }
    if slots[slot].uses < 3 { slots[slot].uses += 1 }
    if let place, slots[slot].place == nil, let block = slots[slot].block, place.put(block) {
      slots[slot].place = place
    }
    return slots[slot].block
  }

  /// Forgets the place, which will soon be no more.
  mutating func abandon(_ place: BlockSlot, _ segment: UInt64, _ offset: UInt64, hash: UInt64) {
    guard let slot = slotNumber(segment, offset, hash), slots[slot].place == place else { return }
    collectUses(slot)
    slots[slot].place = nil
  }

  mutating func insert(
    _ shared: SharedBlock, _ segment: UInt64, _ offset: UInt64, hash: UInt64, place: BlockSlot?
  ) {
    let block = shared.block
    // A block that would displace an eighth of the others is not worth it.
    guard block.memoryBytes <= capacityBytes / 8, slotNumber(segment, offset, hash) == nil else { return }
    if (slots.count - freeSlots.count + 1) * 2 > buckets.count { grow() }
    evict(until: capacityBytes - block.memoryBytes)
    // The tables alone may take it all, when what is reserved has grown.
    guard usedBytes + tableBytes + block.memoryBytes <= capacityBytes else { return }
    let ghost = Int(truncatingIfNeeded: hash) & (ghosts.count - 1)
    let isMain = ghosts[ghost] == hash
    if isMain { ghosts[ghost] = 0 }
    let slot = Slot(
      segment: segment, offset: offset, hash: hash, block: block,
      place: place.flatMap { $0.put(block) ? $0 : nil }, previous: -1, next: -1, uses: 0, isMain: isMain)
    let number: Int
    if let free = freeSlots.popLast() {
      number = Int(free)
      slots[number] = slot
    } else {
      number = slots.count
      slots.append(slot)
    }
    buckets[freeBucket(hash)] = Int32(truncatingIfNeeded: number)
    pushHead(number)
  }

  mutating func erase(_ segment: UInt64) {
    for number in slots.indices where slots[number].block != nil && slots[number].segment == segment {
      _ = remove(number)
    }
  }

  /// Changes what the blocks may take, and evicts as many as that needs.
  mutating func limit(to bytes: Int) {
    capacityBytes = bytes
    evict(until: bytes)
  }

  // MARK: Eviction

  /// Evicts blocks until all that is kept takes at most `bytes`, or nothing is left.
  private mutating func evict(until bytes: Int) {
    // Every block goes round a few times at most, but for one that somebody is taking all the while.
    var steps = 8 * (slots.count + 1)
    while usedBytes + tableBytes > bytes && steps > 0 && evictOne() { steps -= 1 }
  }

  /// Evicts a block, or brings one nearer to it; `false` when there is none.
  private mutating func evictOne() -> Bool {
    if trial.tail >= 0 && (trial.bytes * 10 > capacityBytes || main.tail < 0) {
      let number = Int(trial.tail)
      collectUses(number)
      if slots[number].uses > 0 {
        unlink(number)
        slots[number].isMain = true
        slots[number].uses = 0
        pushHead(number)
      } else {
        let hash = slots[number].hash
        if remove(number) { ghosts[Int(truncatingIfNeeded: hash) & (ghosts.count - 1)] = hash }
      }
      return true
    }
    guard main.tail >= 0 else { return false }
    let number = Int(main.tail)
    collectUses(number)
    if slots[number].uses > 0 {
      unlink(number)
      slots[number].uses -= 1
      pushHead(number)
    } else {
      _ = remove(number)
    }
    return true
  }

  /// Adds the uses that were not seen here.
  private mutating func collectUses(_ number: Int) {
    guard let place = slots[number].place else { return }
    slots[number].uses = min(3, slots[number].uses + place.takeUses())
  }

  /// Lets go of a block, unless somebody is taking it at this moment: then it counts as used.
  private mutating func remove(_ number: Int) -> Bool {
    if let place = slots[number].place, !place.clear() {
      slots[number].uses = max(1, slots[number].uses)
      return false
    }
    unlink(number)
    removeFromBuckets(number)
    slots[number].block = nil
    slots[number].place = nil
    freeSlots.append(Int32(truncatingIfNeeded: number))
    return true
  }

  // MARK: The queues

  private subscript(queueOf slot: Slot) -> Queue {
    get { slot.isMain ? main : trial }
    set { if slot.isMain { main = newValue } else { trial = newValue } }
  }

  private mutating func pushHead(_ number: Int) {
    let link = Int32(truncatingIfNeeded: number)
    var queue = self[queueOf: slots[number]]
    slots[number].previous = -1
    slots[number].next = queue.head
    if queue.head >= 0 { slots[Int(queue.head)].previous = link } else { queue.tail = link }
    queue.head = link
    queue.bytes += slots[number].block?.memoryBytes ?? 0
    self[queueOf: slots[number]] = queue
  }

  private mutating func unlink(_ number: Int) {
    let slot = slots[number]
    var queue = self[queueOf: slot]
    if slot.previous >= 0 { slots[Int(slot.previous)].next = slot.next } else { queue.head = slot.next }
    if slot.next >= 0 { slots[Int(slot.next)].previous = slot.previous } else { queue.tail = slot.previous }
    queue.bytes -= slot.block?.memoryBytes ?? 0
    self[queueOf: slot] = queue
  }

  // MARK: The hash table

  @inline(__always)
  private func slotNumber(_ segment: UInt64, _ offset: UInt64, _ hash: UInt64) -> Int? {
    let mask = buckets.count &- 1
    var bucket = Int(truncatingIfNeeded: hash) & mask
    while buckets[bucket] >= 0 {
      let number = Int(buckets[bucket])
      if slots[number].offset == offset && slots[number].segment == segment { return number }
      bucket = (bucket &+ 1) & mask
    }
    return nil
  }

  private func freeBucket(_ hash: UInt64) -> Int {
    let mask = buckets.count - 1
    var bucket = Int(truncatingIfNeeded: hash) & mask
    while buckets[bucket] >= 0 { bucket = (bucket + 1) & mask }
    return bucket
  }

  /// Empties the slot's bucket, and moves later ones of its run up so that no search ends early.
  private mutating func removeFromBuckets(_ number: Int) {
    let mask = buckets.count - 1
    var hole = Int(truncatingIfNeeded: slots[number].hash) & mask
    while buckets[hole] != Int32(truncatingIfNeeded: number) { hole = (hole + 1) & mask }
    var bucket = hole
    while true {
      bucket = (bucket + 1) & mask
      guard buckets[bucket] >= 0 else { break }
      let home = Int(truncatingIfNeeded: slots[Int(buckets[bucket])].hash) & mask
      if (bucket - home) & mask >= (bucket - hole) & mask {
        buckets[hole] = buckets[bucket]
        hole = bucket
      }
    }
    buckets[hole] = -1
  }

  private mutating func grow() {
    let count = buckets.count * 2
    // All slots that there can be before the next time, so that no insertion finds the tables grown.
    slots.reserveCapacity(count / 2)
    freeSlots.reserveCapacity(count / 2)
    buckets = [Int32](repeating: -1, count: count)
    ghosts = [UInt64](repeating: 0, count: count)
    for number in slots.indices where slots[number].block != nil {
      buckets[freeBucket(slots[number].hash)] = Int32(truncatingIfNeeded: number)
    }
  }
}
