// What a disk does that is more than losing what was not synchronized: old content, large sectors, silent damage, no space,
// slowness. And cases as text.

import CairnEngine
import CairnKV
import Testing

@testable import CairnTesting

@Suite struct DiskTroubleTests {
  private func settledDisk(_ content: [UInt8], at path: String = "/file") throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    let file = try disk.openFile(path, .create)
    try file.writeBytes(content, at: 0)
    try file.synchronize()
    try disk.synchronizeDirectory("/")
    try file.close()
    return disk
  }

  private func bytes(of path: String, on disk: SimulatedFileSystem) throws -> [UInt8] {
    let file = try disk.openFile(path, .read)
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    let count = try bytes.withUnsafeMutableBytes { buffer throws(StorageError) in
      try file.read(into: buffer, at: 0)
    }
    return Array(bytes.prefix(count))
  }

  /// A file is gone, another one grows, its data is lost: the blocks hold zeros or what the first file had there.
  @Test func blocksThatAreUsedAgainHoldOldContent() throws {
    let disk = try settledDisk([UInt8](repeating: 7, count: 2048), at: "/old")
    try disk.remove("/old")
    try disk.synchronizeDirectory("/")
    let file = try disk.openFile("/new", .create)
    try disk.synchronizeDirectory("/")
    try file.writeBytes([UInt8](repeating: 1, count: 1024), at: 0)
    let contents = try disk.moment.crashStates(.ordered, limit: 64, seed: 1).disks.map {
      try bytes(of: "/new", on: $0)
    }
    #expect(contents.contains([UInt8](repeating: 7, count: 1024)))
    #expect(contents.contains([UInt8](repeating: 0, count: 1024)))
    #expect(contents.contains([UInt8](repeating: 1, count: 1024)))
    #expect(contents.contains([]))
    // Sampled as well.
    let drawn = try (0..<400).map { try bytes(of: "/new", on: disk.crash(.strict, seed: $0)) }
    #expect(drawn.contains { $0.contains(7) })
  }

  /// Of a torn write either any of the sectors is there, or any of those of 4 KiB.
  @Test func sectorsAreOf512BytesOrOf4KiB() throws {
    let disk = try settledDisk([UInt8](repeating: 0, count: 16384))
    let file = try disk.openFile("/file", .readWrite)
    try file.writeBytes([UInt8](repeating: 1, count: 16384), at: 0)
    var hasSmall = false
    var hasLarge = false
    for seed in UInt64(0)..<200 {
      let content = try bytes(of: "/file", on: disk.crash(.strict, seed: seed))
      let sectors = stride(from: 0, to: 16384, by: 512).map { content[$0] }
      let isWhole = stride(from: 0, to: 32, by: 8).allSatisfy { Set(sectors[$0..<$0 + 8]).count == 1 }
      if !isWhole { hasSmall = true }
      if isWhole && Set(sectors).count == 2 { hasLarge = true }
    }
    #expect(hasSmall && hasLarge)
  }

  /// A process dies in a write: of its bytes those up to some place are there, and the file has grown as far.
  @Test func aKilledWriteIsThereInPart() throws {
    let disk = try settledDisk([9, 9])
    let file = try disk.openFile("/file", .readWrite)
    try file.writeBytes([UInt8](repeating: 1, count: 1000), at: 2)
    let contents = try disk.moment.crashStates(.kill, limit: 9, seed: 1).disks.map {
      try bytes(of: "/file", on: $0)
    }
    #expect(Set(contents.map(\.count)) == [3, 502, 514, 1001, 1002])
    #expect(contents.allSatisfy { $0.starts(with: [9, 9]) && $0.dropFirst(2).allSatisfy { $0 == 1 } })
    _ = try file.size()
    // Once another operation has come, the write is whole.
    #expect(disk.moment.crashStates(.kill, limit: 9, seed: 1).disks.count == 1)
  }

  @Test(arguments: [FaultPlan.Cause.lostWrite, .misdirectedWrite, .flippedBit])
  func whatADeviceDoesInSilenceIsSeenOnceThePowerHasGone(cause: FaultPlan.Cause) throws {
    for seed in UInt64(0)..<20 {
      let disk = try settledDisk([UInt8](repeating: 3, count: 4096))
      let file = try disk.openFile("/file", .readWrite)
      disk.setFaultPlan(FaultPlan([.init(.write, cause: cause)], seed: seed))
      let written = [UInt8](repeating: 5, count: 512)
      try file.writeBytes(written, at: 1024)
      try file.synchronize()
      #expect(disk.metFaultCount == 1)
      #expect(try bytes(of: "/file", on: disk)[1024..<1536].elementsEqual(written), "the page cache has it")
      let after = try bytes(of: "/file", on: disk.crash(.strict, seed: seed))
      let there = Array(after[1024..<1536])
      switch cause {
      case .lostWrite: #expect(after == [UInt8](repeating: 3, count: 4096))
      case .misdirectedWrite:
        #expect(there == [UInt8](repeating: 3, count: 512))
        #expect(after.count { $0 == 5 } == 512)
      default: #expect(zip(there, written).map { ($0 ^ $1).nonzeroBitCount }.reduce(0, +) == 1)
      }
    }
  }

  @Test func aReadMayGiveAnotherBit() throws {
    let disk = try settledDisk([UInt8](repeating: 3, count: 100))
    disk.setFaultPlan(FaultPlan([.init(.read, cause: .flippedBit)], seed: 4))
    let found = try bytes(of: "/file", on: disk)
    #expect(found.map { ($0 ^ 3).nonzeroBitCount }.reduce(0, +) == 1)
    #expect(try bytes(of: "/file", on: disk).allSatisfy { $0 == 3 }, "once")
  }

  @Test func everyErrorHasItsNumberAndCode() throws {
    let causes: [FaultPlan.Cause] = [
      .inputOutput, .noSpace, .quotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .accessDenied,
      .readOnlyFileSystem, .noLocks,
    ]
    var numbers: Set<Int32> = []
    for cause in causes {
      let disk = SimulatedFileSystem(faultPlan: FaultPlan([.init(.lock, cause: cause)]))
      do {
        _ = try disk.lock("/LOCK")
        Issue.record("\(cause) does not fail")
      } catch {
        #expect(error.code == (cause == .noSpace || cause == .quotaExceeded ? .full : .inputOutput))
        numbers.insert(error.systemError ?? 0)
      }
    }
    #expect(numbers.count == causes.count && !numbers.contains(0))
  }

  /// Nothing new, nothing that grows; what overwrites is written.
  @Test func aFullDiskTakesNothingNew() throws {
    let disk = try settledDisk([1, 2, 3])
    let file = try disk.openFile("/file", .readWrite)
    disk.setFull(true)
    try file.writeBytes([4], at: 1)
    func code(_ body: () throws -> Void) -> StorageError.Code? {
      do { try body() } catch { return (error as? StorageError)?.code }
      return nil
    }
    #expect(code { try file.writeBytes([4], at: 3) } == .full)
    #expect(code { try file.preallocate(4) } == .full)
    #expect(code { _ = try disk.openFile("/other", .create) } == .full)
    #expect(code { try disk.createDirectory("/folder") } == .full)
    #expect(code { try disk.link("/file", to: "/name") } == .full)
    #expect(code { try disk.rename("/file", to: "/renamed") } == nil)
    disk.setFull(false)
    try file.writeBytes([4], at: 3)
    #expect(try bytes(of: "/renamed", on: disk) == [1, 4, 3, 4])
  }

  @Test func aSlowDiskTakesItsTime() throws {
    let disk = SimulatedFileSystem()
    let time = SimulatedTime()
    disk.setLatency([.write: 150, .synchronize: 4000], of: time)
    let before = time.monotonicNanoseconds()
    let file = try disk.openFile("/file", .create)
    try file.writeBytes([1], at: 0)
    try file.writeBytes([1], at: 1)
    try file.synchronize()
    #expect(time.monotonicNanoseconds() - before == 4_300_000)
  }

  // MARK: Fingerprints and text

  @Test func fingerprintsTellDisksApart() throws {
    let disk = try settledDisk([1, 2, 3])
    #expect(try disk.fingerprint == settledDisk([1, 2, 3]).fingerprint)
    var others = try [[1, 2], [1, 2, 3, 0], [1, 2, 4], [0, 2, 3]].map { try settledDisk($0).fingerprint }
    others.append(try settledDisk([1, 2, 3], at: "/other").fingerprint)
    try disk.createDirectory("/folder")
    others.append(disk.fingerprint)
    #expect(
      Set(others).count == others.count
        && others.allSatisfy { $0 != (try? settledDisk([1, 2, 3]).fingerprint) })
    // Zeros that were written are as zeros that were not.
    let sparse = SimulatedFileSystem()
    try sparse.openFile("/file", .create).writeBytes([0], at: 99_999)
    #expect(try sparse.fingerprint == settledDisk([UInt8](repeating: 0, count: 100_000)).fingerprint)
  }

  /// Every choice of an exploration is text, and the text is that choice.
  @Test func choicesAreText() throws {
    let disk = try settledDisk([UInt8](repeating: 7, count: 2048), at: "/old")
    try disk.remove("/old")
    try disk.synchronizeDirectory("/")
    for name in ["/a", "/b"] {
      let file = try disk.openFile(name, .create)
      try file.writeBytes([UInt8](repeating: 1, count: 3000), at: 0)
      try file.writeBytes([2], at: 600)
    }
    for model in CrashModel.allCases {
      for choice in disk.moment.choices(model, limit: 200, seed: 1).choices {
        let text = choice.description
        let again = try #require(CrashChoice(text), "\(text)")
        #expect(again == choice, "\(text)")
        #expect(disk.moment.disk(after: again).fingerprint == disk.moment.disk(after: choice).fingerprint)
      }
    }
    #expect(CrashChoice("death") == .death)
    for text in [
      "", "x", "kill@", "kill@0", "kill@-1", "m", "m1-", "m3-1", "d1", "d1.2", "d1.x@3", "s", "m1;",
      "m0-99999999",
    ] {
      if let choice = CrashChoice(text) {
        #expect(choice.description == "nothing" || text == "m1;", "\(text)")
      }
    }
  }

  @Test func simplerChoicesLoseLess() throws {
    let disk = try settledDisk([])
    let file = try disk.openFile("/file", .readWrite)
    try file.writeBytes([UInt8](repeating: 1, count: 1024), at: 0)
    var choice = try #require(CrashChoice("nothing"))
    var steps = 0
    while let simpler = disk.moment.simpler(choice).first {
      choice = simpler
      steps += 1
    }
    #expect(steps == 2, "the growth, and the write")
    #expect(disk.moment.losses(of: choice) == "nothing is lost")
    #expect(try bytes(of: "/file", on: disk.moment.disk(after: choice)).count == 1024)
  }
}
