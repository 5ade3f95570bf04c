import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct FrameFormatTests {
  @Test(arguments: [nil, FrameFileHeader.End(number: 3, offset: 1 << 40, checksum: 9)])
  func everyBitOfAFileHeaderCounts(predecessor: FrameFileHeader.End?) throws {
    let header = FrameFileHeader(purpose: .log, number: 4, salt: 0xFEED, predecessor: predecessor)
    var page = header.encoded()
    #expect(page.count == FrameFile.pageBytes)
    let decoded = try page.withUnsafeBytes { try FrameFileHeader(decoding: $0, file: "f", purpose: .log) }
    #expect(decoded == header)
    var undetected: [Int] = []
    for bit in 0..<page.count * 8 {
      page[bit / 8] ^= 1 << UInt8(bit % 8)
      let isRead = page.withUnsafeBytes {
        (try? FrameFileHeader(decoding: $0, file: "f", purpose: .log)) != nil
      }
      if isRead { undetected.append(bit) }
      page[bit / 8] ^= 1 << UInt8(bit % 8)
    }
    #expect(undetected == [])
  }

  @Test(arguments: [(8, "version 2"), (60, "fields"), (4000, "fields")])
  func aNewerFileHeaderIsNamedSo(offset: Int, what: String) {
    var page = FrameFileHeader(purpose: .log, number: 4, salt: 1, predecessor: nil).encoded()
    page[offset] = 2
    page.overwrite(
      at: 4092, littleEndian: page.withUnsafeBytes { CRC32C.checksum(.init(rebasing: $0[..<4092])) })
    let error = #expect(throws: StorageError.self) {
      _ = try page.withUnsafeBytes { try FrameFileHeader(decoding: $0, file: "f", purpose: .log) }
    }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains(what) == true)
  }

  @Test func everyBitOfAFrameHeaderCounts() {
    let header = FrameHeader(
      salt: 5, offset: 8192, payloadBytes: 77, firstSequence: 12, durableThrough: 4096, previousChecksum: 1,
      payloadChecksum: 2, batchCount: 3, kind: .group)
    var bytes = header.encoded()
    #expect(bytes.count == FrameHeader.bytes)
    #expect(bytes.withUnsafeBytes { FrameHeader(decoding: $0, salt: 5) } == header)
    #expect(bytes.withUnsafeBytes { FrameHeader(decoding: $0, salt: 6) } == nil)
    for bit in 0..<bytes.count * 8 {
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(bytes.withUnsafeBytes { FrameHeader(decoding: $0, salt: 5) } == nil, "bit \(bit)")
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
    for count in 0..<FrameHeader.bytes {
      let cut = Array(bytes[..<count])
      #expect(cut.withUnsafeBytes { FrameHeader(decoding: $0, salt: 5) } == nil)
    }
  }

  /// Frames of all sizes, synced now and then: what is read back is what was written, each frame's mark is
  /// where the last sync before it reached, and the reader knows for how much of the file somebody vouches.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func whatIsWrittenIsReadBack(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let image = try FrameImage()
    var expected: [(size: Int, sequence: UInt64, mark: UInt64)] = []
    var ends: [UInt64] = []
    var mark = FrameImage.page
    for sequence in 1...40 as ClosedRange<UInt64> {
      let size = [0, 1, 4031, 4032, 4033, 9000, random.below(300_000)][random.below(7)]
      expected.append((size, sequence, mark))
      try image.append(size, sequence: sequence)
      ends.append(image.writer.end.offset)
      #expect(image.writer.end.offset % UInt64(FrameFile.cellBytes) == 0)
      #expect(!image.writer.isSynchronized)
      if random.isHit(oneIn: 3) {
        try image.writer.synchronize()
        mark = image.writer.end.offset
        #expect(image.writer.isSynchronized)
      }
    }
    let reader = try FrameReader(image.file, purpose: .log)
    #expect(reader.header == image.header)
    for (index, frame) in expected.enumerated() {
      let found = try #require(try reader.next())
      #expect(found.header.firstSequence == frame.sequence)
      #expect(found.header.durableThrough == frame.mark)
      // A page of which anything was synced is not written again; else no byte is left between.
      let isBehindSync = index == 0 || frame.mark != expected[index - 1].mark
      #expect(
        isBehindSync ? found.header.offset % FrameImage.page == 0 : found.header.offset == ends[index - 1])
      #expect(found.payload.count == frame.size)
      #expect(found.payload.allSatisfy { $0 == UInt8(frame.sequence) })
      #expect(found.end == ends[index])
      #expect(reader.durableEnd.offset == (ends.last { $0 <= frame.mark } ?? FrameImage.page))
    }
    #expect(try reader.next() == nil)
    #expect(reader.position == image.writer.end)

    // A seal vouches for all before it, and a successor that names the very end is content.
    try image.writer.appendSeal(nextSequence: 41)
    let sealed = try FrameReader(image.file, purpose: .log, end: image.writer.end)
    var count = 0
    while let frame = try sealed.next() {
      count += 1
      if frame.header.kind == .seal { #expect(sealed.durableEnd.offset == ends.last) }
    }
    #expect(count == 41)
  }

  /// What nobody vouches for can be read again; what somebody does not, and is not.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func whatNobodyVouchesForIsReadAgain(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let image = try FrameImage()
    for sequence in 1...30 as ClosedRange<UInt64> {
      try image.append(random.below(9000), sequence: sequence)
      if sequence < 20 && random.isHit(oneIn: 3) { try image.writer.synchronize() }
    }
    let reader = try FrameReader(image.file, purpose: .log)
    var starts: [UInt64] = []
    while let frame = try reader.next() { starts.append(frame.header.offset) }
    let (position, durableEnd) = (reader.position, reader.durableEnd)
    reader.rewindToDurableEnd()
    var again: [UInt64] = []
    while let frame = try reader.next() { again.append(frame.header.offset) }
    #expect(again == starts.filter { $0 >= durableEnd.offset })
    #expect(again.count >= 10)
    #expect(reader.position == position)
    #expect(reader.durableEnd == durableEnd)
  }

  /// A sync after much that was not synced takes two: then only the last frame is left that nobody vouches for.
  @Test(arguments: [0, 1_100_000]) func muchThatIsSyncedIsVouchedFor(bytes: Int) throws {
    let image = try FrameImage()
    try image.append(bytes, sequence: 1)
    let first = image.writer.end
    try image.append(100, sequence: 2, synchronizing: true)
    #expect(image.writer.isSynchronized || bytes > 0)
    let reader = try FrameReader(image.file, purpose: .log)
    #expect(try reader.next() != nil)
    #expect(try reader.next() != nil)
    #expect(reader.durableEnd.offset == (bytes == 0 ? FrameImage.page : first.offset))
  }

  @Test func aFileThatFailsIsNotWrittenToAgain() throws {
    final class FailingFile: File {
      let path = "failing.log"
      let failsWrite: Bool
      init(failsWrite: Bool) { self.failsWrite = failsWrite }
      let failure = StorageError(.inputOutput, "the disk is gone")
      func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        0
      }
      func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        if failsWrite { throw failure }
      }
      func synchronize() throws(StorageError) { throw failure }
      func truncate(to size: UInt64) throws(StorageError) {}
      func preallocate(_ size: UInt64) throws(StorageError) {}
      func size() throws(StorageError) -> UInt64 { 0 }
      func close() throws(StorageError) {}
    }
    for failsWrite in [false, true] {
      let writer = FrameWriter(
        FailingFile(failsWrite: failsWrite),
        header: FrameFileHeader(purpose: .log, number: 1, salt: 1, predecessor: nil), headerChecksum: 0,
        capacity: 0, latch: FailureLatch(), buffer: FrameBuffer())
      if !failsWrite { try writer.append(.group, firstSequence: 1, batchCount: 1) }
      #expect(throws: StorageError.self) {
        if failsWrite { try writer.append(.group, firstSequence: 1, batchCount: 1) }
        try writer.synchronize()
      }
      let end = writer.end
      #expect(throws: StorageError.self) { try writer.append(.group, firstSequence: 2, batchCount: 1) }
      #expect(throws: StorageError.self) { try writer.synchronize() }
      #expect(writer.end == end)
    }
  }
}
