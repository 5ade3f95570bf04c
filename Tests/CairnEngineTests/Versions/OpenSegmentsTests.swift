import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Many segments, few of them open.
@Suite struct OpenSegmentsTests {
  private struct Fixture {
    let files = CountingFileSystem(SimulatedFileSystem())
    let cache: BlockCache
    let open: OpenSegments
    var segments: [SegmentFile] = []

    /// Each segment has one entry, whose key is the segment's number.
    init(count: Int, fileLimit: Int, cacheBytes: Int = 8 << 20, keyBytes: Int = 8) throws {
      try files.createDirectory("/store")
      let directory = StoreDirectory(path: "/store", fileSystem: files)
      cache = BlockCache(capacityBytes: cacheBytes)
      open = OpenSegments(directory: directory, cache: cache, fileLimit: fileLimit)
      let reclaimer = FileReclaimer(directory: directory, queue: InlineScheduler().makeQueue(label: ""))
      for number in 0..<count {
        let file = try directory.open(.segment(UInt64(number)), .create)
        let builder = SegmentBuilder(
          file: file, fileNumber: UInt64(number), salt: 1, options: SegmentOptions())
        try Self.key(number, keyBytes).withUnsafeBytes { key in
          try builder.add(key: key, trailer: EntryTrailer(sequence: 1, kind: .value), value: key)
        }
        segments.append(SegmentFile(try builder.finish(), openSegments: open, reclaimer: reclaimer))
      }
    }

    static func key(_ number: Int, _ bytes: Int) -> [UInt8] {
      let head = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
      return head + [UInt8](repeating: 7, count: bytes - 4)
    }

    func isFound(_ number: Int, keyBytes: Int = 8) throws -> Bool {
      let key = Self.key(number, keyBytes)
      let found = try key.withUnsafeBytes { try segments[number].reader().find($0, visibleAt: 9) }
      return found?.entry(of: key)
        == ModelEntry(key: key, trailer: EntryTrailer(sequence: 1, kind: .value), value: key)
    }
  }

  @Test func openFilesStayBounded() throws {
    let fixture = try Fixture(count: 2000, fileLimit: 50)
    for _ in 0..<2 {
      for number in fixture.segments.indices {
        #expect(try fixture.isFound(number))
        #expect(fixture.files.open <= 50)
        #expect(fixture.open.count == fixture.files.open)
        #expect(fixture.cache.reservedBytes == fixture.open.bytes)
      }
    }
    #expect(fixture.files.most <= 51)
    #expect(fixture.files.opened == 2000 + 4000)
  }

  @Test func theLeastRecentlyUsedIsClosed() throws {
    let fixture = try Fixture(count: 40, fileLimit: 16)
    for number in [Int](0..<16) + [0] { #expect(try fixture.isFound(number)) }
    // Each opening is followed by a use of segment 0, which so is never the one unused for longest.
    for number in 16..<40 {
      #expect(try fixture.isFound(number))
      let opened = fixture.files.opened
      #expect(try fixture.isFound(0))
      #expect(fixture.files.opened == opened)
    }
    // The last ones are open still.
    let opened = fixture.files.opened
    for number in 26..<40 { #expect(try fixture.isFound(number)) }
    #expect(fixture.files.opened == opened)
  }

  @Test func memoryIsBoundedToo() throws {
    let keyBytes = 60_000
    let fixture = try Fixture(count: 100, fileLimit: 1000, cacheBytes: 4 << 20, keyBytes: keyBytes)
    for number in fixture.segments.indices {
      #expect(try fixture.isFound(number, keyBytes: keyBytes))
      #expect(fixture.open.bytes <= 2 << 20)
      #expect(fixture.cache.reservedBytes == fixture.open.bytes)
      #expect(fixture.cache.reservedBytes + fixture.cache.usedBytes <= 4 << 20)
    }
    #expect(fixture.open.count > 10)
    #expect(fixture.open.count < 60)
  }

  @Test func whatIsHeldStaysReadable() throws {
    let fixture = try Fixture(count: 100, fileLimit: 16)
    let held = try fixture.segments[0].reader().makeCursor()
    for number in 1..<100 { #expect(try fixture.isFound(number)) }
    #expect(fixture.open.count == 16)
    #expect(fixture.files.open == 17)
    try held.seekToFirst()
    #expect(held.current?.key == Fixture.key(0, 8))
  }

  /// As every cursor does: who looks for the newest version of a key need not copy every one.
  @Test func aStepBackKeepsTheValueThatItLeaves() throws {
    let fixture = try Fixture(count: 60, fileLimit: 16, cacheBytes: 0)
    let cursor = LevelCursor(fixture.segments[...])
    try cursor.seekToLast()
    for number in (1..<60).reversed() {
      let left = cursor.value
      try cursor.previous()
      overwriteFreedMemory()
      #expect([UInt8](left) == Fixture.key(number, 8))
      #expect(cursor.current?.key == Fixture.key(number - 1, 8))
      // Nothing else stays open on the way: what is read and what was left.
      #expect(fixture.files.open <= 18)
    }
  }

  /// A compaction reads what goes as soon as it is read.
  @Test func aCompactionLeavesTheCacheAsItIs() throws {
    let fixture = try Fixture(count: 20, fileLimit: 16)
    #expect(try fixture.isFound(3))
    let before = fixture.cache.usedBytes
    let level = LevelCursor(fixture.segments[...], fillsCache: false)
    #expect(try level.allForward().count >= 20)
    let single = try fixture.segments[7].reader().makeCursor(fillsCache: false)
    #expect(try !single.allForward().isEmpty)
    #expect(fixture.cache.usedBytes == before)
    #expect(try LevelCursor(fixture.segments[...]).allForward().count >= 20)
    #expect(fixture.cache.usedBytes > before)
  }

  @Test func whatIsDroppedIsForgotten() throws {
    var fixture = try Fixture(count: 10, fileLimit: 16)
    for number in 0..<10 { #expect(try fixture.isFound(number)) }
    #expect(fixture.cache.usedBytes > 0)
    for segment in fixture.segments { segment.markObsolete() }
    fixture.segments = []
    #expect(fixture.files.open == 0)
    #expect(fixture.open.count == 0)
    #expect(fixture.open.bytes == 0)
    #expect(fixture.cache.reservedBytes == 0)
    #expect(fixture.cache.usedBytes == 0)
    #expect(try fixture.files.list("/store") == [])
  }

  @Test func aFailedOpeningIsTriedAgain() throws {
    let fixture = try Fixture(count: 1, fileLimit: 16)
    let path = StoreDirectory(path: "/store", fileSystem: fixture.files).path(of: .segment(0))
    try fixture.files.rename(path, to: "/store/elsewhere")
    #expect(throws: StorageError.self) { try fixture.segments[0].reader() }
    #expect(fixture.open.count == 0)
    try fixture.files.rename("/store/elsewhere", to: path)
    #expect(try fixture.isFound(0))
  }

  /// Threads read everywhere while each opening closes something.
  @Test(arguments: [16, 40]) func readersAndEvictionAtOnce(fileLimit: Int) throws {
    let fixture = try Fixture(count: 60, fileLimit: fileLimit)
    let wrong = Atomic<Int>(0)
    let scheduler = ThreadScheduler()
    let queues = (0..<4).map { scheduler.makeQueue(label: "reader-\($0)") }
    for (seed, queue) in queues.enumerated() {
      queue.submit {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<5000 {
          // Half of all reads go to one segment, which all threads take at once.
          let isHot = Bool.random(using: &random)
          let number = isHot ? 0 : Int.random(in: 0..<60, using: &random)
          let isFound = try? fixture.isFound(number)
          if isFound != true { wrong.add(1, ordering: .relaxed) }
        }
      }
    }
    for queue in queues { queue.drainAndStop() }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(fixture.open.count == fileLimit)
    #expect(fixture.files.open == fileLimit)
    // Each thread may be opening one, and hold another that was closed meanwhile.
    #expect(fixture.files.most <= fileLimit + 2 * queues.count)
    #expect(fixture.cache.reservedBytes == fixture.open.bytes)
  }
}
