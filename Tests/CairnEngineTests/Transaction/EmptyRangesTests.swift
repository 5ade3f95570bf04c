// Passing over what is known to be empty changes no answer, and spares the steps.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct EmptyRangesTests {
  private static func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

  private static func smallOptions() -> EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 24 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  private struct Held {
    var snapshot: EngineSnapshot
    var model: OrderedModel
  }

  /// Filled and emptied by stretches, so that there are long runs of removed keys, and read by readers new
  /// and old.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func answersStayTheSame(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let engine = try Engine.open(
      at: "/store", options: Self.smallOptions(), environment: .simulated(SimulatedFileSystem(), seed: seed))
    var model = OrderedModel()
    var held: [Held] = []
    func range() -> KeyRange {
      let bounds = [random.below(600), random.below(600)].sorted()
      return KeyRange(
        from: random.isHit(oneIn: 3) ? [] : Self.key(bounds[0]),
        to: random.isHit(oneIn: 3) ? nil : Self.key(bounds[1]))
    }
    func check(_ reader: any KeyValueReader, _ model: OrderedModel) throws {
      let range = range()
      let entries = model.entries(in: range)
      #expect(try reader.first(in: range) == entries.first, "seed \(seed)")
      #expect(try reader.last(in: range) == entries.last, "seed \(seed)")
      if random.isHit(oneIn: 4) {
        #expect(try reader.entries(in: range) == entries, "seed \(seed)")
        #expect(try reader.entries(in: range, .descending) == entries.reversed(), "seed \(seed)")
      }
    }
    for _ in 0..<250 {
      let start = random.below(550)
      switch random.below(6) {
      case 0:
        try engine.write { batch in
          for number in start..<start + 20 + random.below(60) {
            let value = random.bytes(20)
            try batch.set(Self.key(number), to: value)
            model.set(Self.key(number), to: value)
          }
        }
      case 1:
        let value = random.bytes(20)
        try engine.write { try $0.set(Self.key(start), to: value) }
        model.set(Self.key(start), to: value)
      case 2, 3:
        try engine.write { batch in
          for number in start..<start + 20 + random.below(150) {
            try batch.remove(Self.key(number))
            model.set(Self.key(number), to: nil)
          }
        }
      case 4: held.append(Held(snapshot: try engine.snapshot(), model: model))
      default:
        // A consumer that takes several, and puts something back among what it has found empty.
        try engine.transact { transaction in
          for _ in 0..<20 {
            let found = try transaction.first(in: .all)
            #expect(found == model.entries.first, "seed \(seed)")
            guard let found else { break }
            try transaction.remove(found.key)
            model.set(found.key, to: nil)
          }
          if random.isHit(oneIn: 3) {
            let key = Self.key(random.below(40))
            try transaction.set(key, to: [1])
            model.set(key, to: [1])
          }
          try check(transaction, model)
        }
      }
      for _ in 0..<3 { try engine.read { try check($0, model) } }
      if let old = held.randomElement(using: &random) { try check(old.snapshot, old.model) }
      if held.count > 4 { held.removeFirst() }
    }
  }

  /// Every item is taken by exactly one consumer, whoever passes over what while others insert before it.
  @Test func consumersMeetProducers() throws {
    let engine = try Engine.open(
      at: "/store", options: Self.smallOptions(), environment: .threaded(SimulatedFileSystem()))
    let perProducer = 400
    let taken = Shared<[UInt8]>()
    let failures = Shared<String>()
    onThreads(4) { thread in
      var random = SeededGenerator(seed: UInt64(thread))
      do {
        if thread < 2 {
          for index in 0..<perProducer {
            // The first byte decides the order: many come before what was taken long ago.
            let key = [UInt8(random.below(4)), UInt8(thread), UInt8(index >> 8), UInt8(index & 255)]
            try engine.write(.buffered) { try $0.set(key, to: [1]) }
          }
        } else {
          var emptyHanded = 0
          while taken.all.count < 2 * perProducer && emptyHanded < 1_000_000 {
            let found = try engine.transact(.buffered) { transaction -> [UInt8]? in
              let direction = random.isHit(oneIn: 2)
              let found = direction ? try transaction.first(in: .all) : try transaction.last(in: .all)
              guard let found else { return nil }
              try transaction.remove(found.key)
              return found.key
            }.value
            if let found { taken.add(found) } else { emptyHanded += 1 }
          }
        }
      } catch { failures.add("\(error)") }
    }
    #expect(failures.all == [])
    #expect(taken.all.count == 2 * perProducer)
    #expect(Set(taken.all).count == 2 * perProducer)
    #expect(try engine.all() == [])
    try engine.close()
  }

  /// Counts how often it is moved.
  private final class CountingCursor: SourceCursor {
    private let source: SourceCursor
    private(set) var moves = 0

    init(_ source: SourceCursor) { self.source = source }

    private func show() {
      moves += 1
      isValid = source.isValid
      key = source.key
      trailer = source.trailer
      value = source.value
    }

    override func next() throws(StorageError) {
      try source.next()
      show()
    }

    override func previous() throws(StorageError) {
      try source.previous()
      show()
    }

    override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
      try source.seek(atOrAfter: key, trailer)
      show()
    }

    override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
      try source.seek(before: key, trailer)
      show()
    }

    override func seekToLast() throws(StorageError) {
      try source.seekToLast()
      show()
    }
  }

  @Test(arguments: [true, false]) func theHeadOfAQueueIsFoundInFewSteps(ascending: Bool) throws {
    let memtable = Memtable(oldestLog: 1)
    let known = EmptyRanges()
    var sequence: UInt64 = 0
    func write(_ body: (inout WriteBatch) throws -> Void) throws {
      var batch = WriteBatch(byteLimit: 1 << 20)
      try body(&batch)
      batch.encoded().withUnsafeBytes { operations in
        let isWhole = BatchDecoder.apply(
          operations, count: batch.count, firstSequence: sequence + 1, to: memtable)
        #expect(isWhole)
        known.cut(operations)
      }
      sequence += UInt64(batch.count)
    }
    func key(_ number: Int) -> [UInt8] {
      let place = ascending ? number : 100_000 - number
      return [UInt8(place >> 16), UInt8(place >> 8 & 255), UInt8(place & 255)]
    }
    var most = 0
    for number in 0..<3000 {
      try write { try $0.set(key(number), to: [1]) }
      if number < 5 { continue }
      let counting = CountingCursor(memtable.makeCursor())
      let guide = EmptyRangeGuide(known: known, snapshot: sequence, active: memtable, own: nil)
      var cursor = VisibleCursor(counting, snapshot: sequence, removals: [], range: .all, guide: guide)
      if ascending { try cursor.seekToFirst() } else { try cursor.seekToLast() }
      #expect(cursor.isValid && [UInt8](cursor.key) == key(number - 5))
      most = max(most, counting.moves)
      try write { try $0.remove(key(number - 5)) }
    }
    // Two entries for each of the keys that are worth no note yet.
    #expect(most <= 3 * EmptyRanges.worthwhileSteps, "\(most) moves")
  }
}
