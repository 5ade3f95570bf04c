import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What a repair takes over, what it leaves out, and what it says of it.
@Suite struct RepairTests {
  private static func repair(
    _ disk: SimulatedFileSystem, keepingDoubtful: Bool = false
  ) throws -> (report: RepairReport, contents: [String: [UInt8]]) {
    var options = RepairOptions()
    options.keepsDoubtful = keepingDoubtful
    options.engine = HandmadeStore.options
    let copy = disk.crash(.kill, seed: 0)
    let report = try Engine.repair(
      from: HandmadeStore.path, to: "/new", options: options, environment: .simulated(copy, seed: 5))
    return (report, try HandmadeStore.contents(copy, at: "/new"))
  }

  private static func store(_ change: (inout [String: [UInt8]]) -> Void) throws -> SimulatedFileSystem {
    var files = try HandmadeStore().allFiles()
    change(&files)
    return try HandmadeStore.disk(files)
  }

  @Test func aWholeStoreIsCopiedWhole() throws {
    let disk = try Self.store { _ in }
    let (report, contents) = try Self.repair(disk)
    #expect(report.isWhole)
    #expect(report.losses == [] && report.doubtfulKeyCount == 0 && !report.hasDoubtful)
    #expect(report.lastSequence == 35)
    #expect(contents == HandmadeStore.model)
  }

  @Test func positionsGoOnBehindTheOldStore() throws {
    let disk = try Self.store { _ in }
    let environment = Environment.simulated(disk, seed: 5)
    _ = try Engine.repair(from: HandmadeStore.path, to: "/new", environment: environment)
    let engine = try Engine.open(at: "/new", environment: environment)
    let position = try engine.write { try $0.set([1], to: [2]) }.position
    #expect(try #require(position).rawValue > 35)
    try engine.close()
  }

  @Test func theOldStoreIsOnlyRead() throws {
    let store = try HandmadeStore()
    let files = try store.allFiles()
    let disk = try HandmadeStore.disk(files)
    _ = try Engine.repair(from: HandmadeStore.path, to: "/new", environment: .simulated(disk, seed: 5))
    #expect(try Set(disk.list(HandmadeStore.path)) == Set(files.keys))
    for (name, bytes) in files {
      let file = try disk.openFile(HandmadeStore.path + "/" + name, .read)
      var read = [UInt8](repeating: 0, count: bytes.count)
      _ = try read.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
      #expect(try file.size() == UInt64(bytes.count) && read == bytes, "\(name)")
    }
  }

  @Test func destinationsThatAreRefused() throws {
    let disk = try Self.store { _ in }
    try disk.createDirectory("/full")
    _ = try disk.openFile("/full/file", .create)
    for to in ["/full", "/store", "/store/", "/store/new", ""] {
      #expect(
        code {
          _ = try Engine.repair(
            from: HandmadeStore.path, to: to, environment: .simulated(disk, seed: 5))
        } == .invalidArgument, "\(to)")
    }
    #expect(
      code { _ = try Engine.repair(from: "/none", to: "/new", environment: .simulated(disk, seed: 5)) }
        == .invalidArgument)
    #expect(try disk.information(at: "/new") == nil)
  }

  @Test func aFailureLeavesNothing() throws {
    let disk = try Self.store { _ in }
    var plan = FaultPlan()
    plan.faults = [.init(.write, isSticky: true, cause: .noSpace, pathContaining: "/new")]
    disk.setFaultPlan(plan)
    #expect(
      code {
        _ = try Engine.repair(from: HandmadeStore.path, to: "/new", environment: .simulated(disk, seed: 5))
      }
        != nil)
    #expect(try disk.list("/new").filter { $0 != "LOCK" } == [])
  }

  // MARK: What is lost

  /// Where `b` and [`d`, `e`) are removed: without it what it removed must not come back.
  @Test func aMissingSegmentMakesDoubtfulWhatItMayHaveRemoved() throws {
    let disk = try Self.store { $0["00000004.segment"] = nil }
    let (report, contents) = try Self.repair(disk)
    #expect(report.losses.map(\.part) == [.rangeRemovals, .segment])
    #expect(
      report.losses.allSatisfy { $0.range == KeyRange(from: [0x61], to: [0x65]) && $0.lastSequence == 22 })
    // `a` was set later, and `e` is not in the range.
    #expect(Set(contents.keys) == ["a", "e", "f", "g", "x", "y"])
    #expect(report.doubtfulKeyCount == 3)
    #expect(report.doubtfulRanges == [KeyRange(from: [0x62], to: [0x64, 0])])
    let kept = try Self.repair(disk, keepingDoubtful: true)
    #expect(kept.report.hasDoubtful)
    #expect(Set(kept.contents.keys) == ["a", "b", "c", "d", "e", "f", "g", "x", "y"])
  }

  @Test func damagedRangeRemovals() throws {
    let bytes = try #require(try HandmadeStore().files["00000004.segment"])
    let place = bytes.withUnsafeBytes {
      Int($0.loadUnaligned(fromByteOffset: bytes.count - 128 + 32, as: UInt64.self))
    }
    let (report, contents) = try Self.repair(Self.store { $0["00000004.segment"]?[place + 5] ^= 1 })
    #expect(report.losses.map(\.part) == [.rangeRemovals])
    // The removal of `b` can be read; `c` and `d` are doubtful.
    #expect(Set(contents.keys) == ["a", "e", "f", "g", "x", "y"])
    #expect(report.doubtfulKeyCount == 2)
  }

  @Test func aDamagedBlockIsNamedByItsNeighbours() throws {
    let (report, contents) = try Self.repair(Self.store { $0["00000002.segment"]?[12] ^= 1 })
    let loss = try #require(report.losses.first)
    #expect(report.losses.count == 1)
    #expect(loss.part == .block && loss.offset == 0)
    #expect(loss.range.lower == [0x61])
    // Up to and with the key that the next block begins with: a newer entry of it may have been in this one.
    let upper = try #require(loss.range.upper)
    #expect(upper.last == 0 && upper.count == 2)
    for (key, value) in HandmadeStore.model where !loss.range.contains(Array(key.utf8)) {
      #expect(contents[key] == value)
    }
    #expect(contents["a"] == HandmadeStore.model["a"])
    #expect(contents["b"] == nil && contents["d"] == nil)
  }

  @Test func lostFramesMakeEverythingOlderDoubtful() throws {
    let disk = try Self.store { $0["00000009.log"]?[4096 + 70] ^= 1 }
    let (report, contents) = try Self.repair(disk)
    #expect(report.losses.map(\.part) == [.frames])
    #expect(report.losses.first?.firstSequence == 34 && report.losses.first?.lastSequence == 34)
    #expect(report.losses.first?.range == .all)
    #expect(contents == [:])
    let kept = try Self.repair(disk, keepingDoubtful: true)
    // The frame behind the damage is taken over: it removes `n`. Of `a` there is an older value.
    #expect(kept.contents["a"] == Array("a4".utf8))
    #expect(kept.contents["n"] == nil)
    #expect(kept.contents["g"] == Array("g8".utf8))
  }

  @Test func aDamagedSealLosesNothing() throws {
    let (report, contents) = try Self.repair(Self.store { $0["00000009.log"]?[3 * 4096 + 10] ^= 1 })
    #expect(report.isWhole)
    #expect(contents == HandmadeStore.model)
  }

  @Test func aDamagedValueIsLostAlone() throws {
    let (report, contents) = try Self.repair(Self.store { $0["00000001.values"]?[3] ^= 1 })
    #expect(report.losses.map(\.part) == [.value])
    #expect(report.losses.first?.range == .key([0x63]))
    var expected = HandmadeStore.model
    expected["c"] = nil
    #expect(contents == expected)
  }

  // MARK: Without a manifest

  @Test func aLostManifest() throws {
    let disk = try Self.store { $0["MANIFEST"] = nil }
    let (report, contents) = try Self.repair(disk)
    // When the ingest was, nobody knows any more.
    #expect(report.losses.map(\.part) == [.manifest, .order])
    var expected = HandmadeStore.model
    expected["x"] = nil
    expected["y"] = nil
    #expect(contents == expected)
    #expect(try Self.repair(disk, keepingDoubtful: true).contents == HandmadeStore.model)
  }

  /// Its beginning still says where the ingest belongs.
  @Test func whatIsLeftOfAManifestIsUsed() throws {
    let (report, contents) = try Self.repair(
      Self.store { files in
        let end = files["MANIFEST"].map { $0.count } ?? 0
        for offset in 8192..<min(8192 + 64, end) { files["MANIFEST"]?[offset] = 0 }
      })
    #expect(report.losses.map(\.part) == [.manifest])
    #expect(contents == HandmadeStore.model)
  }
}
