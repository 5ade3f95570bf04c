import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Ingests beside commits and readers, on threads and tasks.
@Suite struct IngestConcurrencyTests {
  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 32 << 10
    options.segmentBytes = 16 << 10
    return options
  }

  private static let range = KeyRange.prefix([5])
  private static let keyCount = 60

  /// All entries of one generation, some of them large.
  private static func entries(_ generation: UInt32) -> [KeyValue] {
    (0..<keyCount).filter { ($0 + Int(generation)) % 3 != 0 }.map { index in
      var value: [UInt8] = []
      value.append(littleEndian: generation)
      value.append(contentsOf: [UInt8](repeating: UInt8(index), count: index % 9 == 0 ? 3000 : 200))
      return KeyValue(key: [5, UInt8(index)], value: value)
    }
  }

  private static func generation(_ value: [UInt8]) -> UInt32 {
    value.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
  }

  /// Two threads replace a range, each whole; one writes into it now and then, so that memtables have to be
  /// flushed; one counts beside it; readers never see two generations at once.
  @Test func replacedRangesAreWhole() throws {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
    let complaints = Shared<String>()
    let placed = Shared<(position: UInt64, generation: UInt32)>()
    let working = Atomic<Int>(4)
    onThreads(6) { thread in
      defer { if thread < 4 { working.subtract(1, ordering: .releasing) } }
      do {
        switch thread {
        case 0, 1:
          for round in 0..<25 as Range<UInt32> {
            let generation = round * 2 + UInt32(thread) + 1
            let committed = try engine.ingest(into: Self.range, replacing: true) { ingest in
              for entry in Self.entries(generation) { try ingest.append(key: entry.key, value: entry.value) }
            }
            placed.add((committed.position?.rawValue ?? 0, generation))
          }
        case 2:
          // Behind all keys of a generation, so that it can be told from them.
          for round in 0..<60 as Range<UInt8> { try engine.write { try $0.set([5, 255], to: [round]) } }
        case 3:
          for _ in 0..<200 {
            try engine.transact { transaction in
              let count = Self.generation(try transaction.get([7]) ?? [0, 0, 0, 0])
              var next: [UInt8] = []
              next.append(littleEndian: count + 1)
              try transaction.set([7], to: next + [UInt8](repeating: 1, count: 200))
            }
          }
        default:
          while working.load(ordering: .acquiring) > 0 {
            let found = try engine.read { try $0.entries(in: Self.range) }.filter { $0.key[1] != 255 }
            guard let first = found.first else { continue }
            if found != Self.entries(Self.generation(first.value)) { complaints.add("a mixture is read") }
          }
        }
      } catch { complaints.add("\(error)") }
    }
    #expect(complaints.all == [])
    #expect(Self.generation(try engine.get([7]) ?? []) == 200)
    let last = try #require(placed.all.max { $0.position < $1.position })
    #expect(Set(placed.all.map(\.position)).count == 50)
    let expected = Self.entries(last.generation)
    #expect(try engine.read { try $0.entries(in: Self.range) }.filter { $0.key[1] != 255 } == expected)
    try engine.close()
    let again = try Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
    #expect(try again.read { try $0.entries(in: Self.range) }.filter { $0.key[1] != 255 } == expected)
    try again.close()
    let state = try #require(try Manifest.load(from: StoreDirectory(path: "/store", fileSystem: disk)))
    #expect(
      try LivenessCheck.complaint(about: state, in: StoreDirectory(path: "/store", fileSystem: disk)) == nil)
  }

  /// Tasks fill disjoint ranges that must be empty, beside commits into the same neighbourhood.
  @Test func tasksFillDisjointRanges() async throws {
    let disk = SimulatedFileSystem()
    let engine = try await Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<6 as Range<UInt8> {
        group.addTask {
          for round in 0..<8 as Range<UInt8> {
            try await engine.ingest(into: .prefix([task, round])) { ingest in
              for index in 0..<40 as Range<UInt8> {
                try ingest.append(
                  key: [task, round, index], value: [UInt8](repeating: index, count: index == 7 ? 2500 : 90))
              }
            }
            try await engine.write { try $0.set([task, round + 100], to: [round]) }
          }
        }
      }
      try await group.waitForAll()
    }
    let found = try engine.all()
    #expect(found.count == 6 * 8 * 41)
    #expect(found.filter { $0.key.count == 3 }.allSatisfy { $0.value.first == $0.key[2] })
    try await engine.close()
    let again = try await Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
    #expect(try again.all() == found)
    try await again.close()
  }

  /// Closing while others ingest: each of them is there whole, or was refused.
  @Test func closingMeanwhile() throws {
    for round in 0..<10 {
      let disk = SimulatedFileSystem()
      let engine = try Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
      let done = Shared<UInt8>()
      let complaints = Shared<String>()
      onThreads(4) { thread in
        do {
          if thread == 3 {
            while done.all.count < round { _ = try engine.get([1]) }
            return try engine.close()
          }
          for index in 0..<40 as Range<UInt8> {
            let prefix = UInt8(thread) * 40 + index
            try engine.ingest(into: .prefix([prefix]), replacing: index % 2 == 0) { ingest in
              for key in 0..<30 as Range<UInt8> {
                try ingest.append(key: [prefix, key], value: [UInt8](repeating: key, count: 900))
              }
            }
            done.add(prefix)
          }
        } catch let error as StorageError {
          if error.code != .closed { complaints.add("\(error)") }
        } catch { complaints.add("\(error)") }
      }
      #expect(complaints.all == [])
      let again = try Engine.open(at: "/store", options: Self.options, environment: .threaded(disk))
      let found = try again.all()
      let prefixes = Set(found.map { $0.key[0] })
      #expect(prefixes.isSuperset(of: done.all))
      #expect(found.count == prefixes.count * 30)
      try again.close()
    }
  }
}
