import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// The examples in `format-spec.md` are what the code writes.
@Suite struct SpecExamplesOfEngine {
  @Test func logHeader() throws {
    let header = FrameFileHeader(
      purpose: .log, number: 2, salt: 0x1122_3344_5566_7788,
      predecessor: .init(number: 1, offset: 8192, checksum: 0xDEAD_BEEF))
    try Specification.check("log-header", header.encoded())
  }

  @Test func frame() throws {
    let disk = SimulatedFileSystem()
    let file = try disk.openFile("/log", .create)
    let buffer = FrameBuffer()
    var batch = WriteBatch(byteLimit: 1000)
    try batch.set([UInt8]("k".utf8), to: [UInt8]("v".utf8))
    try batch.remove([UInt8]("old".utf8))
    BatchGroup.append(batch, to: buffer)
    let header = FrameFileHeader(purpose: .log, number: 2, salt: 0x1122_3344_5566_7788, predecessor: nil)
    let writer = FrameWriter(
      file, header: header, headerChecksum: 0x0102_0304, capacity: 0, latch: FailureLatch(), buffer: buffer)
    try writer.append(.group, firstSequence: 1, batchCount: 1)
    try Specification.check("frame", Array(content(of: file)[FrameFile.pageBytes...]))
  }

  @Test func edit() throws {
    var properties = SegmentProperties(fileNumber: 5)
    properties.valueCount = 1
    properties.blockCount = 1
    properties.smallestSequence = 300
    properties.largestSequence = 300
    properties.lowerBound = [UInt8]("k".utf8)
    properties.upperBound = .inclusive([UInt8]("k".utf8))
    properties.rawKeyBytes = 1
    properties.rawValueBytes = 1
    properties.fileBytes = 4096
    var edit = VersionEdit()
    edit.addedLogs = [7]
    edit.oldestLog = 7
    edit.removedSegments = [6]
    edit.addedSegments = [.init(level: 1, properties: properties)]
    edit.lastSequence = 300
    edit.nextFileNumber = 8
    let encoded = edit.encoded()
    #expect(encoded.withUnsafeBytes { VersionEdit(decoding: $0) } == edit)
    try Specification.check("edit", encoded)
  }

  @Test func segment() throws {
    let disk = SimulatedFileSystem()
    let file = try disk.openFile("/segment", .create)
    let builder = SegmentBuilder(
      file: file, fileNumber: 5, salt: 0x0123_4567_89AB_CDEF, options: SegmentOptions())
    func add(_ key: String, _ trailer: EntryTrailer, _ value: String) throws {
      try [UInt8](key.utf8).withUnsafeBytes { key in
        try [UInt8](value.utf8).withUnsafeBytes { value in
          try builder.add(key: key, trailer: trailer, value: value)
        }
      }
    }
    try add("apple", EntryTrailer(sequence: 3, kind: .value), "red")
    try add("apricot", EntryTrailer(sequence: 4, kind: .removal), "")
    try builder.add(
      RangeTombstone(lower: [UInt8]("b".utf8), upper: [UInt8]("c".utf8), sequence: 2))
    _ = try builder.finish()
    try Specification.check("segment", content(of: file))
  }

  @Test(arguments: [
    ("", "00000000"), ("123456789", "E3069283"), (String(repeating: "\0", count: 32), "8A9136AA"),
    (String(String.UnicodeScalarView((0..<32).compactMap(UnicodeScalar.init))), "46DD794E"),
  ])
  func checksumVectors(text: String, checksum: String) throws {
    let computed = [UInt8](text.utf8).withUnsafeBytes { CRC32C.checksum($0) }
    #expect(Specification.hexadecimal(computed) == checksum)
    #expect(try Specification.text().contains("`\(checksum)`"))
  }

  private func content(of file: any File) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    let count = try bytes.withUnsafeMutableBytes { buffer throws(StorageError) in
      try file.read(into: buffer, at: 0)
    }
    #expect(count == bytes.count)
    return bytes
  }
}
