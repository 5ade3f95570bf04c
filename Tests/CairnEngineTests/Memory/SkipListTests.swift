import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct SkipListTests {
  enum InsertionOrder: CaseIterable, Sendable {
    case ascending, descending, random, clustered
  }

  /// Distinct entries, in the order in which they are to be inserted.
  private static func entries(
    _ order: InsertionOrder, _ count: Int, _ random: inout SeededGenerator
  ) -> [ModelEntry] {
    var seen = Set<ModelEntry>()
    var result: [ModelEntry] = []
    var cluster = random.key()
    while result.count < count {
      if random.isHit(oneIn: 20) { cluster = random.key() }
      let key =
        order == .clustered ? cluster + [UInt8](String(result.count).utf8) : random.key()
      let trailer = EntryTrailer(
        sequence: UInt64(random.below(40)), kind: random.isHit(oneIn: 4) ? .removal : .value)
      let entry = ModelEntry(key: key, trailer: trailer, value: random.bytes(random.below(20)))
      if seen.insert(ModelEntry(key: key, trailer: trailer, value: [])).inserted { result.append(entry) }
    }
    switch order {
    case .ascending: return result.sorted(by: ModelEntry.precedes)
    case .descending: return result.sorted(by: ModelEntry.precedes).reversed()
    case .random, .clustered: return result
    }
  }

  /// - Parameter gathered: how many of the entries are gathered, and linked at once.
  @Test(arguments: InsertionOrder.allCases, [(1, 0), (2, 0), (3, 0), (4, 800), (5, 800), (6, 300), (7, 1)])
  func agreesWithASortedArray(_ order: InsertionOrder, _ parameters: (seed: UInt64, gathered: Int)) throws {
    let (seed, gathered) = parameters
    var random = SeededGenerator(seed: seed)
    let list = SkipList(firstChunkBytes: 256)
    let cursor = SkipListCursor(list)
    #expect(try cursor.allForward().isEmpty)
    #expect(try cursor.allBackward().isEmpty)
    // What all keys begin with alike must not count when they are sorted.
    let common = [UInt8](repeating: 7, count: seed % 2 == 0 ? 0 : 11)
    let entries = Self.entries(order, 800, &random).map {
      ModelEntry(key: common + $0.key, trailer: $0.trailer, value: $0.value)
    }
    if gathered > 0 { list.gather() }
    for entry in entries.prefix(gathered) { list.insert(entry) }
    list.linkGathered()
    for entry in entries.dropFirst(gathered) { list.insert(entry) }
    let sorted = entries.sorted(by: ModelEntry.precedes)
    #expect(list.count == sorted.count)
    #expect(try cursor.allForward() == sorted)
    #expect(try cursor.allBackward() == sorted.reversed())
    for _ in 0..<1500 {
      let entry = sorted[random.below(sorted.count)]
      let key = random.isHit(oneIn: 2) ? entry.key : random.key()
      let trailer =
        [entry.trailer, .newest, .newest(visibleAt: UInt64(random.below(40))), EntryTrailer(rawValue: 0)][
          random.below(4)]
      let index = sorted.lowerBound(key, trailer)
      try cursor.seek(atOrAfter: key, trailer)
      #expect(cursor.current == (index < sorted.count ? sorted[index] : nil))
      try cursor.seek(before: key, trailer)
      #expect(cursor.current == (index > 0 ? sorted[index - 1] : nil))
    }
  }

  /// One thread inserts, the others walk and seek: what they see is in order, and holds at least what had
  /// been inserted when they began.
  @Test(arguments: InsertionOrder.allCases) func readersSeeWhatWasInsertedBeforeTheyBegan(
    _ order: InsertionOrder
  ) {
    var random = SeededGenerator(seed: 11)
    let entries = Self.entries(order, 3000, &random).enumerated().map { index, entry in
      ModelEntry(key: entry.key, trailer: entry.trailer, value: [UInt8](String(index).utf8))
    }
    let list = SkipList(firstChunkBytes: 1024)
    let inserted = Atomic<Int>(0)
    let failures = Mutex<[String]>([])
    let writer = ThreadScheduler().makeQueue(label: "writer")
    let readers = (0..<2).map { ThreadScheduler().makeQueue(label: "reader-\($0)") }
    for (number, reader) in readers.enumerated() {
      reader.submit {
        var random = SeededGenerator(seed: UInt64(number))
        var isLast = false
        while !isLast {
          let before = inserted.load(ordering: .acquiring)
          isLast = before == entries.count
          if let failure = Self.check(list, entries, before, &random) {
            failures.withLock { $0.append(failure) }
            return
          }
        }
      }
    }
    writer.submit {
      for (index, entry) in entries.enumerated() {
        list.insert(entry)
        inserted.store(index + 1, ordering: .releasing)
      }
    }
    for queue in readers + [writer] { queue.drainAndStop() }
    #expect(failures.withLock { $0 } == [])
  }

  /// Keys that come to stand right before the one that is sought, while it is sought: a search that found the
  /// place and then asked it for its successor once more would meet one of them instead.
  @Test func whatIsThereIsFoundWhileNeighboursArrive() {
    let list = SkipList(firstChunkBytes: 1 << 16)
    let sought: [UInt8] = [0xFF]
    list.insert(ModelEntry(key: sought, trailer: EntryTrailer(sequence: 1, kind: .value), value: []))
    let isDone = Atomic<Bool>(false)
    let misses = Atomic<Int>(0)
    let writer = ThreadScheduler().makeQueue(label: "writer")
    let reader = ThreadScheduler().makeQueue(label: "reader")
    reader.submit {
      repeat {
        let node = sought.withUnsafeBytes { list.firstNode(atOrAfter: $0, .newest) }
        if node.map({ [UInt8]($0.key) }) != sought { misses.add(1, ordering: .relaxed) }
      } while !isDone.load(ordering: .acquiring)
    }
    writer.submit {
      for number in 0..<100_000 {
        let key = withUnsafeBytes(of: UInt32(number).bigEndian) { [UInt8]($0) }
        list.insert(ModelEntry(key: key, trailer: EntryTrailer(sequence: 2, kind: .value), value: []))
      }
      isDone.store(true, ordering: .releasing)
    }
    for queue in [writer, reader] { queue.drainAndStop() }
    #expect(misses.load(ordering: .relaxed) == 0)
  }

  private static func check(
    _ list: SkipList, _ entries: [ModelEntry], _ before: Int, _ random: inout SeededGenerator
  ) -> String? {
    var found = [Bool](repeating: false, count: entries.count)
    var previous: SkipListNode?
    var node = list.first
    while let current = node {
      if let previous,
        EntryOrder.compare(previous.key, previous.trailer, current.key, current.trailer) >= 0
      {
        return "out of order"
      }
      guard let index = Int(String(decoding: current.value, as: UTF8.self)), found.indices.contains(index)
      else { return "a torn value" }
      found[index] = true
      previous = current
      node = current.next(0)
    }
    if let missing = found[..<before].firstIndex(of: false) { return "entry \(missing) of \(before) missing" }
    for _ in 0..<min(before, 50) {
      let wanted = entries[random.below(before)]
      let sought = wanted.key.withUnsafeBytes { list.firstNode(atOrAfter: $0, wanted.trailer) }
      guard let sought, [UInt8](sought.key) == wanted.key, sought.trailer == wanted.trailer else {
        return "an entry is not found where it was inserted"
      }
      if let earlier = list.lastNode(before: sought.key, sought.trailer),
        EntryOrder.compare(earlier.key, earlier.trailer, sought.key, sought.trailer) >= 0
      {
        return "the entry before does not sort before"
      }
    }
    return nil
  }

  @Test func anArenaHandsOutAlignedMemoryThatDoesNotOverlap() {
    var random = SeededGenerator(seed: 5)
    let arena = Arena(firstChunkBytes: 64)
    var places: [(address: UInt, count: Int)] = []
    for _ in 0..<2000 {
      let count = random.isHit(oneIn: 50) ? 1 + random.below(100_000) : 1 + random.below(200)
      let memory = arena.allocate(count)
      memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
      places.append((UInt(bitPattern: memory), count))
    }
    #expect(places.allSatisfy { $0.address % 8 == 0 })
    places.sort { $0.address < $1.address }
    #expect(zip(places, places.dropFirst()).allSatisfy { $0.address + UInt($0.count) <= $1.address })
    #expect(arena.reservedBytes >= places.reduce(0) { $0 + $1.count })
  }
}
