import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What a store gives back when nobody uses it.
@Suite struct IdleWorkTests {
  private struct Store {
    let disk = SimulatedFileSystem()
    let time = SimulatedTime()
    let scheduler: ManualScheduler
    let engine: Engine

    init(memoryLimit: Int = 32 << 20) throws {
      scheduler = ManualScheduler(time: time)
      var options = EngineOptions()
      options.memoryLimit = memoryLimit
      engine = try Engine.open(
        at: "/store", options: options,
        environment: Environment(
          fileSystem: disk, time: time, random: SeededRandomSource(seed: 1), scheduler: scheduler))
    }

    func bytesOnDisk() throws -> UInt64 {
      try disk.list("/store").reduce(0) { try $0 + (disk.information(at: "/store/" + $1)?.size ?? 0) }
    }

    func quiet(seconds: UInt32) { scheduler.advance(byMilliseconds: seconds * 1000) }
  }

  private func noise(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    (0..<count / 8).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
  }

  @Test func whatWasRemovedByOneRangeIsGivenBackInAQuietMinute() throws {
    let store = try Store()
    var generator = SeededGenerator(seed: 1)
    for index in 0..<180 {
      let large = noise(64 << 10, &generator)
      let small = (0..<64).map { _ in noise(1 << 10, &generator) }
      try store.engine.write(.buffered) { batch in
        try batch.set([1, UInt8(index)], to: large)
        for (number, value) in small.enumerated() {
          try batch.set([2, UInt8(index), UInt8(number)], to: value)
        }
      }
    }
    let former = try store.bytesOnDisk()
    #expect(former > 20 << 20)
    try store.engine.write { try $0.remove(.all) }
    store.quiet(seconds: 60)
    let left = try store.bytesOnDisk()
    #expect(left < former / 20, "\(left) of \(former)")
    #expect(try store.engine.all().isEmpty)

    // Once is enough: a day later nothing has been done again.
    let operations = store.disk.operationCount
    store.quiet(seconds: 86_400)
    #expect(store.disk.operationCount == operations)
    #expect(store.scheduler.waitingCount == 0)
    // And it begins small again.
    try store.engine.write { try $0.set([1], to: [1]) }
    #expect(store.engine.statistics().space.logBytes == 256 << 10)
    try store.engine.close()
  }

  /// What is dead in value files only a merge finds out: a quiet store merges, although level 0 is far from full.
  @Test func whatWasOverwrittenIsGivenBackToo() throws {
    let store = try Store()
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<2 {
      for index in 0..<20 {
        let value = noise(64 << 10, &generator)
        try store.engine.write { try $0.set([UInt8(index)], to: value) }
      }
      store.quiet(seconds: 60)
    }
    let space = store.engine.statistics().space
    #expect(store.engine.statistics().flushes.count == 2)
    #expect(space.valueFileBytes < 21 * (64 << 10), "\(space.valueFileBytes)")
    try store.engine.close()
  }

  /// A store that is written little, now and then, is not flushed each time; and its logs have a bound.
  @Test func aSlowWriterIsNotFlushedAtEveryCommit() throws {
    let store = try Store()
    for index in 0..<400 {
      try store.engine.write { try $0.set([UInt8(index % 7)], to: [UInt8](repeating: 1, count: 4 << 10)) }
      store.quiet(seconds: 15)
      let space = store.engine.statistics().space
      #expect(space.logBytes + space.spareBytes <= 2 << 20)
    }
    let flushes = store.engine.statistics().flushes.count
    #expect((1...6).contains(flushes), "\(flushes) flushes")
    try store.engine.close()
  }

  @Test func nothingIsDoneForALittle() throws {
    let store = try Store()
    try store.engine.write { try $0.set([1], to: [1]) }
    try store.engine.write { try $0.remove(.all) }
    store.quiet(seconds: 60)
    #expect(store.engine.statistics().flushes.count == 0)
    #expect(store.scheduler.waitingCount == 0)
    try store.engine.close()
  }

  /// What an earlier session left is given back although this one never commits.
  @Test func aStoreThatIsOnlyOpenedGivesBackToo() throws {
    let first = try Store()
    for index in 0..<30 {
      try first.engine.write { try $0.set([UInt8(index)], to: [UInt8](repeating: 1, count: 100 << 10)) }
    }
    try first.engine.close()
    let scheduler = ManualScheduler()
    let engine = try Engine.open(
      at: "/store",
      environment: Environment(
        fileSystem: first.disk, time: first.time, random: SeededRandomSource(seed: 2), scheduler: scheduler))
    #expect(engine.statistics().space.logBytes > 2 << 20)
    scheduler.advance(byMilliseconds: 60_000)
    #expect(engine.statistics().space.logBytes == 256 << 10)
    #expect(engine.statistics().space.spareBytes == 0)
    #expect(try engine.all().count == 30)
    try engine.close()
  }

  /// One large commit does not leave a spare of its size for good.
  @Test func aLogThatOneCommitMadeLongIsNotKept() throws {
    let store = try Store()
    try store.engine.write { try $0.set([1], to: [UInt8](repeating: 1, count: 12 << 20)) }
    for index in 0..<90 {
      try store.engine.write { try $0.set([UInt8(index)], to: [UInt8](repeating: 1, count: 100 << 10)) }
    }
    let space = store.engine.statistics().space
    #expect(space.spareBytes <= 6 << 20 && space.logBytes <= 12 << 20)
    try store.engine.close()
  }

  @Test func whatRangeRemovalsCoverIsCounted() throws {
    let store = try Store(memoryLimit: 8 << 20)
    var generator = SeededGenerator(seed: 1)
    for index in 0..<60 {
      let value = noise(100 << 10, &generator)
      try store.engine.write { try $0.set([5, UInt8(index)], to: value) }
    }
    let version = store.engine.tree.state.version
    let all = version.levels.joined().reduce(0) {
      $0 + $1.properties.fileBytes + $1.properties.referencedBytes
    }
    #expect(all > 1 << 20)
    func covered(_ removals: (lower: [UInt8], upper: [UInt8]?)...) -> UInt64 {
      version.bytesCovered(
        by: RangeTombstoneSet(removals.map { .init(lower: $0.lower, upper: $0.upper, sequence: 1 << 20) }))
    }
    #expect(covered() == 0)
    #expect(covered(([], nil)) == all)
    #expect(covered(([5], [5, 30]), ([5, 30], [6])) == all)
    #expect(covered(([5, 1], [5, 2])) == 0)
    try store.engine.close()
  }
}
