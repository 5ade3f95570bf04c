import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Value files against a list of byte arrays.
@Suite struct ValueFileModelTests {
  @Test(arguments: 0..<16) func everyValueReadsAsItWasWritten(seed: Int) throws {
    let values = ValueFileModel.values(
      seed: UInt64(seed), count: [1, 3, 12, 40][seed % 4], greatest: seed < 4 ? 3 << 20 : 500_000)
    let model = try ValueFileModel(values, level: [nil, 1, 3, nil][seed / 4])
    let reader = try ValueFileReader(model.bytes)
    #expect(reader.properties == model.properties)
    #expect(reader.records.map(\.handle) == model.handles)
    #expect(model.properties.fileBytes == UInt64(model.bytes.count))
    #expect(model.properties.rawBytes == UInt64(values.reduce(0) { $0 + $1.count }))
    #expect(model.properties.storedBytes == model.handles.reduce(0) { $0 + $1.storedBytes })
    #expect(model.properties.origins.map(\.recordCount) == [UInt32(values.count)])
    for (ordinal, (value, handle)) in zip(values, model.handles).enumerated() {
      #expect(handle.name == ValueName(origin: ValueFileModel.fileNumber, ordinal: UInt32(ordinal)))
      #expect(handle.rawBytes == UInt64(value.count))
      #expect(try reader.read(handle) == value)
      #expect(try reader.joinedPieces(handle) == value)
    }
  }

  @Test(arguments: [nil, 1]) func piecesAtEveryBorderRead(level: Int?) throws {
    let chunk = ValueFileFormat.chunkBytes
    var random = SeededGenerator(seed: 5)
    for length in [0, 1, 100, 16_000, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 77] {
      // Random and repetitive chunks in turns, so that some are compressed.
      let value = (0..<length).map {
        $0 / chunk % 2 == 0 ? UInt8(truncatingIfNeeded: random.next()) : UInt8(truncatingIfNeeded: $0 / 99)
      }
      let model = try ValueFileModel([[1, 2, 3], value, [4]], level: level)
      let reader = try ValueFileReader(model.bytes)
      let borders = [0, chunk, 2 * chunk, 3 * chunk, length].flatMap { [$0 - 1, $0, $0 + 1] }
      let points = Set(borders.filter { (0...length).contains($0) }).sorted()
      for lower in points {
        for upper in points where upper >= lower {
          let piece = try reader.read(model.handles[1], range: UInt64(lower)..<UInt64(upper))
          #expect(piece == Array(value[lower..<upper]), "\(lower)..<\(upper) of \(length)")
        }
      }
      for range in [0..<UInt64(length) + 1, UInt64(length) + 1..<UInt64(length) + 1, 0..<UInt64.max] {
        let error = #expect(throws: StorageError.self) { try reader.read(model.handles[1], range: range) }
        #expect(error?.code == .invalidArgument)
      }
    }
  }

  /// What does not compress well stands there as it is, and costs its chunk table.
  @Test func compressionIsKeptWhereItPays() throws {
    var random = SeededGenerator(seed: 1)
    let noise = (0..<300_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let zeros = [UInt8](repeating: 0, count: 300_000)
    let model = try ValueFileModel([noise, zeros], level: 1)
    #expect(model.handles[0].storedBytes == 300_000 + 3 * 8 + 4)
    #expect(model.handles[1].storedBytes < 1000)
    let plain = try ValueFileModel([noise, zeros])
    #expect(plain.handles.map(\.storedBytes) == [300_028, 300_028])
  }

  /// A large value that is not compressed goes to the file from the caller's memory, in pieces of which none is much
  /// for the disk.
  @Test func largeValuesAreNotGathered() throws {
    let file = CountingFile()
    let builder = ValueFileBuilder(file: file, fileNumber: 1, salt: 1, options: ValueFileOptions())
    let small = [UInt8](repeating: 1, count: 5000)
    let large = [UInt8](repeating: 2, count: 5 << 20)
    let address = try large.withUnsafeBytes { bytes in
      _ = try small.withUnsafeBytes { try builder.append($0) }
      _ = try builder.append(bytes)
      return UInt(bitPattern: bytes.baseAddress)
    }
    for _ in 0..<200 { _ = try small.withUnsafeBytes { try builder.append($0) } }
    _ = try builder.finish()
    let writes = file.writes.withLock { $0 }
    let direct = writes.filter { (address..<address + UInt(large.count)).contains($0.address) }
    #expect(direct.map(\.address) == (0..<5).map { address + $0 << 20 })
    #expect(direct.allSatisfy { $0.count == 1 << 20 })
    #expect(writes.allSatisfy { $0.count <= 1 << 20 })
    #expect(writes.count - direct.count <= 6)
  }

  @Test func namesMustAscendAndOnlyOneEndIsReached() throws {
    let old = try ValueFileModel([[1], [2], [3]])
    let reader = try ValueFileReader(old.bytes)
    let builder = ValueFileBuilder(
      file: MemoryFile(), fileNumber: 50, salt: 1, options: ValueFileOptions())
    #expect(throws: StorageError.self) { try builder.carry(ValueName(origin: 42, ordinal: 3), from: reader) }
    #expect(try builder.carry(ValueName(origin: 42, ordinal: 1), from: reader) == old.handles[1])
    for ordinal in [0, 1] as [UInt32] {
      let error = #expect(throws: StorageError.self) {
        try builder.carry(ValueName(origin: 42, ordinal: ordinal), from: reader)
      }
      #expect(error?.code == .invalidArgument)
    }
    let handle = try [9].withUnsafeBytes { try builder.append($0) }
    #expect(handle.name == ValueName(origin: 50, ordinal: 0))
    #expect(throws: StorageError.self) { try builder.carry(ValueName(origin: 42, ordinal: 2), from: reader) }
    #expect(try builder.finish().recordCount == 2)
    #expect(throws: StorageError.self) { try builder.finish() }
    #expect(throws: StorageError.self) { try [9].withUnsafeBytes { try builder.append($0) } }

    let empty = ValueFileBuilder(file: MemoryFile(), fileNumber: 1, salt: 1, options: ValueFileOptions())
    #expect(throws: StorageError.self) { try empty.finish() }
    let older = ValueFileBuilder(file: MemoryFile(), fileNumber: 42, salt: 1, options: ValueFileOptions())
    #expect(throws: StorageError.self) { try older.carry(ValueName(origin: 42, ordinal: 0), from: reader) }
  }

  /// A handle that says another length, or names what is not there, is damage.
  @Test func handlesThatDisagreeAreRefused() throws {
    let model = try ValueFileModel([[UInt8](repeating: 1, count: 4000), []])
    let reader = try ValueFileReader(model.bytes)
    let right = model.handles[0]
    var wrong: [ValueHandle] = []
    for difference in [-1, 1] {
      var handle = right
      handle.rawBytes = UInt64(Int(handle.rawBytes) + difference)
      wrong.append(handle)
      handle = right
      handle.storedBytes = UInt64(Int(handle.storedBytes) + difference)
      wrong.append(handle)
    }
    for name in [ValueName(origin: 42, ordinal: 2), ValueName(origin: 41, ordinal: 0)] {
      wrong.append(
        ValueHandle(
          origin: name.origin, ordinal: name.ordinal, rawBytes: right.rawBytes, storedBytes: right.storedBytes
        ))
    }
    for handle in wrong {
      for read in [
        { try reader.read(handle).count }, { try reader.read(handle, range: 0..<1).count },
        { try reader.joinedPieces(handle).count },
      ] as [() throws -> Int] {
        let error = #expect(throws: StorageError.self) { try read() }
        #expect(error?.code == .corruption)
        #expect(error?.file == "memory.values")
      }
    }
  }

  /// A stream ends where its reader wants no more.
  @Test func aStreamCanBeLeft() throws {
    let model = try ValueFileModel([[UInt8](repeating: 1, count: 400_000)])
    let reader = try ValueFileReader(model.bytes)
    var count = 0
    try reader.forEachPiece(model.handles[0]) { _ in
      count += 1
      return count == 2 ? .stop : .proceed
    }
    #expect(count == 2)
  }

  @Test func handlesAreEncodedStrictly() throws {
    let handles = [
      ValueHandle(origin: 1, ordinal: 0, rawBytes: 0, storedBytes: 4),
      ValueHandle(origin: 300, ordinal: 70_000, rawBytes: 2048, storedBytes: 2060),
      ValueHandle(origin: .max, ordinal: .max - 1, rawBytes: 1 << 30, storedBytes: 1 << 20),
    ]
    for handle in handles {
      let bytes = handle.encoded()
      #expect(bytes.count <= ValueHandle.longestEncoding)
      #expect(bytes.withUnsafeBytes { ValueHandle(decoding: $0) } == handle)
      for length in bytes.indices {
        #expect(bytes[..<length].withUnsafeBytes { ValueHandle(decoding: $0) } == nil)
      }
      #expect((bytes + [0]).withUnsafeBytes { ValueHandle(decoding: $0) } == nil)
      for kind in 0...255 where kind != 1 {
        #expect(([UInt8(kind)] + bytes.dropFirst()).withUnsafeBytes { ValueHandle(decoding: $0) } == nil)
      }
    }
    for impossible in [
      ValueHandle(origin: 0, ordinal: 0, rawBytes: 1, storedBytes: 13),
      ValueHandle(origin: 1, ordinal: .max, rawBytes: 1, storedBytes: 13),
      ValueHandle(origin: 1, ordinal: 0, rawBytes: 1, storedBytes: 12),
      ValueHandle(origin: 1, ordinal: 0, rawBytes: 1, storedBytes: 14),
      ValueHandle(origin: 1, ordinal: 0, rawBytes: 1 << 30 + 1, storedBytes: 1 << 30),
      ValueHandle(origin: 1, ordinal: 0, rawBytes: .max, storedBytes: .max),
    ] {
      #expect(impossible.encoded().withUnsafeBytes { ValueHandle(decoding: $0) } == nil)
    }
  }
}

/// Forgets what is written, but not from where.
private final class CountingFile: File {
  struct Write {
    var address: UInt
    var count: Int
  }

  let path = "counted.values"
  let writes = Mutex<[Write]>([])

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    let write = Write(address: UInt(bitPattern: bytes.baseAddress), count: bytes.count)
    writes.withLock { $0.append(write) }
  }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int { 0 }
  func synchronize() throws(StorageError) {}
  func truncate(to size: UInt64) throws(StorageError) {}
  func preallocate(_ size: UInt64) throws(StorageError) {}
  func size() throws(StorageError) -> UInt64 { 0 }
  func close() throws(StorageError) {}
}
