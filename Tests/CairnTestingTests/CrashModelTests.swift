import CairnEngine
import CairnKV
import CairnTesting
import Testing

/// What may and what may not survive a crash, over many seeds.
@Suite struct CrashModelTests {
  static let seeds: Range<UInt64> = 0..<400
  static let powerCuts: [CrashModel] = [.strict, .ordered]

  /// What crashes of `disk` leave of `path`.
  private func outcomes(
    _ disk: SimulatedFileSystem, _ model: CrashModel, _ path: String
  ) throws -> Set<[UInt8]?> {
    var outcomes: Set<[UInt8]?> = []
    for seed in Self.seeds { outcomes.insert(try disk.crash(model, seed: seed).contents(path)) }
    return outcomes
  }

  @Test func aKillLosesNothing() throws {
    let disk = SimulatedFileSystem()
    let file = try disk.openFile("a", .create)
    try file.writeBytes([1, 2, 3], at: 0)
    try file.truncate(to: 2)
    try disk.rename("a", to: "b")
    for seed in Self.seeds {
      let after = disk.crash(.kill, seed: seed)
      #expect(try after.everything() == ["b": [1, 2]], "seed \(seed)")
      // What has survived a crash is on the disk, and survives the next.
      #expect(after.unsynchronizedChangeCount == 0)
      #expect(try after.crash(.strict, seed: seed).everything() == ["b": [1, 2]], "seed \(seed)")
    }
  }

  @Test(arguments: powerCuts) func whatIsSynchronizedSurvives(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1, 2, 3])
    #expect(disk.unsynchronizedChangeCount == 0)
    #expect(try outcomes(disk, model, "a") == [[1, 2, 3]])
    // Nor does something unsynchronized elsewhere change that.
    let other = try disk.openFile("b", .create)
    try other.writeBytes([9], at: 0)
    #expect(try outcomes(disk, model, "a") == [[1, 2, 3]])
  }

  @Test(arguments: powerCuts) func whatIsNotMayBeKeptOrLost(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1, 2, 3])
    let file = try disk.openFile("a", .readWrite)
    try file.writeBytes([7], at: 1)
    #expect(try outcomes(disk, model, "a") == [[1, 2, 3], [1, 7, 3]])
    try file.synchronize()
    #expect(try outcomes(disk, model, "a") == [[1, 7, 3]])
  }

  @Test(arguments: powerCuts) func writingThroughSettlesThatAndNothingElse(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [UInt8](repeating: 1, count: 2048))
    let file = try disk.openFile("a", .readWriteThrough)
    try file.writeBytes([2], at: 0)
    try [3].withUnsafeBytes { bytes in try file.writeThrough(bytes, at: 1024) }
    let firstBytes = Set(
      try (0..<64 as Range<UInt64>).map { seed in
        let left = try #require(try disk.crash(model, seed: seed).everything()["a"])
        #expect(left[1024] == 3)
        return left[0]
      })
    #expect(firstBytes == [1, 2])
  }

  @Test(arguments: powerCuts) func aFileThatGrewMayHoldZeros(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1])
    try disk.openFile("a", .readWrite).writeBytes([2, 2], at: 511)
    let lost = [1] + [UInt8](repeating: 0, count: 512)
    var whole = lost
    whole[511] = 2
    whole[512] = 2
    var first = lost
    first[511] = 2
    var second = lost
    second[512] = 2
    #expect(try outcomes(disk, model, "a") == [[1], lost, whole, first, second])
  }

  @Test(arguments: powerCuts) func aFileNeedsItsNameSynchronizedToo(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    let file = try disk.openFile("a", .create)
    try file.writeBytes([1], at: 0)
    try file.synchronize()
    #expect(try outcomes(disk, model, "a") == [nil, [1]])
    try disk.synchronizeDirectory("/")
    #expect(try outcomes(disk, model, "a") == [[1]])
  }

  @Test(arguments: powerCuts) func aNameWithoutItsContentIsEmpty(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.openFile("a", .create).writeBytes([1], at: 0)
    try disk.synchronizeDirectory("/")
    #expect(try outcomes(disk, model, "a") == [[], [0], [1]])
  }

  @Test(arguments: powerCuts) func aDirectoryNeedsItsParentSynchronized(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDirectory("/d")
    let file = try disk.openFile("/d/a", .create)
    try file.writeBytes([1], at: 0)
    try file.synchronize()
    try disk.synchronizeDirectory("/d")
    #expect(try outcomes(disk, model, "/d/a") == [nil, [1]])
    try disk.synchronizeDirectory("/")
    #expect(try outcomes(disk, model, "/d/a") == [[1]])
  }

  @Test(arguments: powerCuts) func aRenameIsAtomic(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("CURRENT", [1])
    let replacement = try disk.openFile("new", .create)
    try replacement.writeBytes([2], at: 0)
    try replacement.synchronize()
    try disk.rename("new", to: "CURRENT")
    #expect(try outcomes(disk, model, "CURRENT") == [[1], [2]])
    try disk.synchronizeDirectory("/")
    #expect(try outcomes(disk, model, "CURRENT") == [[2]])
    #expect(try outcomes(disk, model, "new") == [nil])
  }

  @Test func aRenameOfAFileNotSynchronizedLosesItsContent() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("CURRENT", [1])
    try disk.openFile("new", .create).writeBytes([2], at: 0)
    try disk.rename("new", to: "CURRENT")
    #expect(try outcomes(disk, .strict, "CURRENT") == [[1], [], [0], [2]])
  }

  @Test(arguments: powerCuts) func aRemovalMayBeUndone(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1])
    try disk.remove("a")
    #expect(try outcomes(disk, model, "a") == [nil, [1]])
    try disk.synchronizeDirectory("/")
    #expect(try outcomes(disk, model, "a") == [nil])
  }

  /// Of changes to names the strict model keeps any, the ordered one the first few.
  @Test func onlyTheOrderedModelKeepsTheOrderOfNames() throws {
    let disk = SimulatedFileSystem()
    for name in ["a", "b", "c"] { try disk.openFile(name, .create).close() }
    func lists(_ model: CrashModel) throws -> Set<[String]> {
      Set(try Self.seeds.map { try disk.crash(model, seed: $0).list("/") })
    }
    #expect(try lists(.ordered) == [[], ["a"], ["a", "b"], ["a", "b", "c"]])
    #expect(try lists(.strict).count == 8)
  }

  @Test(arguments: powerCuts) func writesAreTornAtSectorsOnly(model: CrashModel) throws {
    let disk = SimulatedFileSystem()
    let old = [UInt8](repeating: 1, count: 6 * 512)
    try disk.createDurably("a", old)
    // From the middle of one sector to the middle of another.
    try disk.openFile("a", .readWrite).writeBytes(Array(repeating: 2, count: 4 * 512), at: 256)
    var masks: Set<[Bool]> = []
    for content in try outcomes(disk, model, "a") {
      let content = try #require(content)
      try #require(content.count == old.count)
      var mask: [Bool] = []
      for sector in 0..<6 {
        let begin = sector == 0 ? 256 : sector * 512
        let end = sector == 4 ? 4 * 512 + 256 : (sector + 1) * 512
        let part = Set(content[begin..<end])
        #expect(part.count == 1, "sector \(sector) is itself torn")
        mask.append(part == [2])
      }
      #expect(content[..<256].allSatisfy { $0 == 1 })
      #expect(content[(4 * 512 + 256)...].allSatisfy { $0 == 1 })
      masks.insert(mask)
    }
    // Many of the 32 subsets of five sectors; the sixth was not written.
    #expect(masks.count > 12)
    #expect(masks.allSatisfy { !$0[5] })
  }

  /// A disk writes a sector from the page cache, which holds the earlier write when the later one is made.
  @Test func aLaterWriteInASectorBringsTheEarlierOne() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [0, 0])
    let file = try disk.openFile("a", .readWrite)
    try file.writeBytes([1], at: 0)
    try file.writeBytes([2], at: 1)
    #expect(try outcomes(disk, .strict, "a") == [[0, 0], [1, 0], [1, 2]])
  }

  @Test func writesInDifferentSectorsAreIndependent() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", Array(repeating: 0, count: 1024))
    let file = try disk.openFile("a", .readWrite)
    try file.writeBytes([1], at: 0)
    try file.writeBytes([2], at: 1023)
    let ends = Set(try outcomes(disk, .strict, "a").map { [$0?.first, $0?.last] })
    #expect(ends == [[0, 0], [1, 0], [0, 2], [1, 2]])
  }

  @Test func extremesAreAlwaysLikely() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", Array(repeating: 0, count: 100 * 512))
    let file = try disk.openFile("a", .readWrite)
    for sector in 0..<100 { try file.writeBytes([1], at: UInt64(sector) * 512) }
    var counts: [Int: Int] = [:]
    for seed in Self.seeds {
      let content = try #require(try disk.crash(.strict, seed: seed).contents("a"))
      counts[content.count { $0 == 1 }, default: 0] += 1
    }
    // Each is drawn in one case of eight: 50 of 400.
    for extreme in [0, 1, 99, 100] { #expect(counts[extreme, default: 0] > 20, "\(extreme)") }
  }

  @Test(arguments: CrashModel.allCases) func theSameSeedGivesTheSameCrash(model: CrashModel) throws {
    func run() throws -> SimulatedFileSystem {
      let disk = SimulatedFileSystem()
      for number in 0..<20 {
        let file = try disk.openFile("f\(number)", .create)
        try file.writeBytes(Array(repeating: UInt8(number), count: 1500), at: UInt64(number) * 100)
        if number % 3 == 0 { try file.synchronize() }
        if number % 7 == 0 { try disk.synchronizeDirectory("/") }
      }
      return disk
    }
    let (first, second) = (try run(), try run())
    #expect(first.trace == second.trace)
    var distinct: Set<[String: [UInt8]]> = []
    for seed in Self.seeds.prefix(50) {
      let outcome = try first.crash(model, seed: seed).everything()
      #expect(try second.crash(model, seed: seed).everything() == outcome, "seed \(seed)")
      distinct.insert(outcome)
    }
    #expect(model == .kill ? distinct.count == 1 : distinct.count > 25)
  }

  @Test func aCrashedCopyIsADiskOfItsOwn() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1, 1])
    let file = try disk.openFile("a", .readWrite)
    let copies = (0..<3).map { disk.crash(.kill, seed: $0) }
    try file.writeBytes([2], at: 0)
    try copies[0].openFile("a", .readWrite).writeBytes([3], at: 0)
    try copies[1].remove("a")
    #expect(try disk.contents("a") == [2, 1])
    #expect(try copies[0].contents("a") == [3, 1])
    #expect(try copies[1].contents("a") == nil)
    #expect(try copies[2].contents("a") == [1, 1])
  }

  @Test func aCrashReleasesLocks() throws {
    let disk = SimulatedFileSystem()
    let lock = try disk.lock("LOCK")
    #expect(throws: StorageError.self) { try disk.lock("LOCK") }
    try disk.crash(.kill, seed: 0).lock("LOCK").release()
    try disk.crash(.strict, seed: 0).lock("LOCK").release()
    lock.release()
    lock.release()
    try disk.lock("LOCK").release()
  }

  @Test func anOpenFileOutlivesItsNameButNotACrash() throws {
    let disk = SimulatedFileSystem()
    try disk.createDurably("a", [1])
    let file = try disk.openFile("a", .read)
    try disk.remove("a")
    try disk.synchronizeDirectory("/")
    #expect(try file.readBytes(2, at: 0) == [1])
    #expect(try disk.crash(.kill, seed: 0).everything() == [:])
  }
}
