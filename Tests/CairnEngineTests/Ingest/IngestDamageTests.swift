import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What rots of an ingest is named, at once, and never taken for an ingest that did not happen.
@Suite struct IngestDamageTests {
  private static func store(commitAfter: Bool) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    try engine.write { try $0.set([1], to: [1]) }
    try engine.ingest(into: .prefix([9])) { try $0.append(key: [9], value: [9]) }
    if commitAfter { try engine.write { try $0.set([2], to: [2]) } }
    // Killed: no seal was written to the log.
    defer { withExtendedLifetime(engine) {} }
    return disk.crash(.kill, seed: 1)
  }

  private static func frames(_ name: String, _ purpose: FrameFile.Purpose, on disk: SimulatedFileSystem)
    throws
    -> [FrameHeader]
  {
    let reader = try FrameReader(try disk.openFile("/store/" + name, .read), purpose: purpose)
    var frames: [FrameHeader] = []
    while let frame = try reader.next() { frames.append(frame.header) }
    return frames
  }

  private static func flip(_ name: String, at offset: UInt64, on disk: SimulatedFileSystem) throws {
    let file = try disk.openFile("/store/" + name, .readWrite)
    var byte: [UInt8] = [0]
    _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
    byte[0] ^= 1
    try byte.withUnsafeBytes { try file.write($0, at: offset) }
  }

  private static func log(on disk: SimulatedFileSystem) throws -> String {
    try #require(try disk.list("/store").last { $0.hasSuffix(".log") })
  }

  private static func opening(_ disk: SimulatedFileSystem) -> StorageError? {
    do throws(StorageError) {
      _ = try Engine.open(at: "/store", environment: .simulated(disk, seed: 2))
      return nil
    } catch { return error }
  }

  /// The newest frame of the log: without the manifest's word for it its rot would look like a torn tail, and
  /// the numbers would be missing at the opening after.
  @Test(arguments: [false, true]) func theFrameInTheLog(commitAfter: Bool) throws {
    let disk = try Self.store(commitAfter: commitAfter)
    let name = try Self.log(on: disk)
    let frames = try Self.frames(name, .log, on: disk)
    #expect(frames.map(\.kind) == [.group, .ingest] + (commitAfter ? [.group] : []))
    try Self.flip(name, at: frames[1].offset + 9, on: disk)
    let error = Self.opening(disk)
    #expect(error?.code == .corruption)
    // Where the content ends, or where the frame is.
    let places = try #require(frames[0].end)...frames[1].offset
    #expect(error?.file?.hasSuffix(name) == true && places.contains(error?.offset ?? 0))
  }

  /// The newest edit: nothing else says that the ingest happened.
  @Test func theEditInTheManifest() throws {
    let disk = try Self.store(commitAfter: false)
    let frames = try Self.frames("MANIFEST", .manifest, on: disk)
    #expect(frames.suffix(2).map(\.kind) == [.edit, .seal])
    let edit = try #require(frames.dropLast().last)
    for offset in [edit.offset + 5, edit.offset + 70] {
      let copy = disk.crash(.kill, seed: 0)
      try Self.flip("MANIFEST", at: offset, on: copy)
      let error = Self.opening(copy)
      #expect(error?.code == .corruption)
      #expect(error?.file?.hasSuffix("MANIFEST") == true && error?.offset == edit.offset)
    }
    // The seal has said all it has to say by being there.
    try Self.flip("MANIFEST", at: edit.offset + UInt64(FrameFile.pageBytes) + 5, on: disk)
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 2))
    #expect(try engine.get([9]) == [9])
  }

  /// Openings carry the numbers over, those of many ingests in one frame.
  @Test func numbersAreCarriedOver() throws {
    let disk = SimulatedFileSystem()
    var engine: Engine? = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    for key in 0..<20 as Range<UInt8> {
      if key == 10 { try engine?.write { try $0.set([200], to: [1]) } }
      try engine?.ingest(into: .prefix([key])) { try $0.append(key: [key], value: [key]) }
    }
    let killed = disk.crash(.kill, seed: 1)
    engine = nil
    for _ in 0..<3 {
      let again = try Engine.open(at: "/store", environment: .simulated(killed, seed: 2))
      #expect(try again.all().count == 21)
      let frames = try Self.frames(Self.log(on: killed), .log, on: killed)
      #expect(frames.map(\.kind) == [.ingest, .carried, .ingest])
      #expect(frames.map(\.batchCount) == [10, 1, 10])
      try again.close()
    }
  }
}
