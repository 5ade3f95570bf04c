import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Value files that were damaged, cut off, exchanged, or made to deceive.
@Suite struct ValueFileDamageTests {
  private static func small(level: Int?) throws -> ValueFileModel {
    let compressible = (0..<700).map { UInt8(truncatingIfNeeded: $0 / 40) }
    return try ValueFileModel([[1, 2, 3], [], compressible, Array("the last one".utf8)], level: level)
  }

  /// Reads everything in every way. Whatever is read must be right; throws the first error.
  private func readAll(_ bytes: [UInt8], _ model: ValueFileModel) throws {
    var failure: StorageError?
    func attempt(_ body: () throws -> Void) {
      do { try body() } catch let error as StorageError {
        #expect(error.code == .corruption || error.code == .unsupportedFormat)
        #expect(error.file == "memory.values")
        #expect(error.offset != nil)
        failure = failure ?? error
      } catch {
        Issue.record("an untyped error: \(error)")
      }
    }
    attempt {
      let reader = try ValueFileReader(bytes)
      #expect(reader.properties == model.properties)
      for (handle, value) in zip(model.handles, model.values) {
        attempt {
          let read = try reader.read(handle)
          #expect(read == value)
        }
        attempt {
          let joined = try reader.joinedPieces(handle)
          #expect(joined == value)
        }
      }
    }
    if let failure { throw failure }
  }

  @Test(arguments: [nil, 1]) func everyFlippedBitIsFound(level: Int?) throws {
    let model = try Self.small(level: level)
    try readAll(model.bytes, model)
    for offset in model.bytes.indices {
      for bit in 0..<8 {
        var damaged = model.bytes
        damaged[offset] ^= 1 << UInt8(bit)
        #expect(throws: StorageError.self, "bit \(bit) of byte \(offset)") { try readAll(damaged, model) }
      }
    }
  }

  /// The same where chunks are read one by one: a few places in each part of a record of three chunks.
  @Test(arguments: [nil, 1]) func flippedBitsOfALongRecordAreFound(level: Int?) throws {
    var random = SeededGenerator(seed: 3)
    let value = (0..<300_000).map {
      $0 < 140_000 ? UInt8(truncatingIfNeeded: random.next()) : UInt8(truncatingIfNeeded: $0 / 90)
    }
    let model = try ValueFileModel([value], level: level)
    let end = Int(model.handles[0].storedBytes)
    let table = (end - 28..<end).map { $0 }
    for offset in [0, 1, 131_071, 131_072, 131_073, end - 29] + table {
      var damaged = model.bytes
      damaged[offset] ^= 1
      #expect(throws: StorageError.self, "byte \(offset)") { try readAll(damaged, model) }
    }
    // A piece that does not touch the damage is read.
    var damaged = model.bytes
    damaged[5] ^= 1
    let reader = try ValueFileReader(damaged)
    #expect(try reader.read(model.handles[0], range: 131_072..<300_000) == Array(value[131_072...]))
    #expect(throws: StorageError.self) { try reader.read(model.handles[0], range: 131_071..<131_073) }
  }

  @Test func everyTruncationIsFound() throws {
    let model = try Self.small(level: nil)
    for length in model.bytes.indices {
      let error = #expect(throws: StorageError.self) { try ValueFileReader(Array(model.bytes[..<length])) }
      #expect(error?.code == .corruption)
    }
    for extra in [1, 9, 128, 4096] {
      #expect(throws: StorageError.self) {
        try ValueFileReader(model.bytes + [UInt8](repeating: 0, count: extra))
      }
    }
    #expect(throws: StorageError.self) { try ValueFileReader(model.bytes + model.bytes) }
  }

  @Test func anotherNumberOrVersionIsNamed() throws {
    let model = try Self.small(level: nil)
    #expect(throws: StorageError.self) { try ValueFileReader(model.bytes, fileNumber: 43) }
    var newer = model.bytes
    newer[newer.count - 12] = 2
    let error = #expect(throws: StorageError.self) { try ValueFileReader(newer) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains("version 2") == true)
    for offset in 32..<112 {
      var forged = ForgedValueFile(model.bytes)
      forged.bytes[forged.footerOffset + offset] = 1
      forged.signFooter()
      let error = #expect(throws: StorageError.self) { try ValueFileReader(forged.bytes) }
      #expect(error?.message.contains("reserved") == true)
    }
  }

  /// Two records of the same length put in each other's place, and one from a file that differs in its salt.
  @Test func recordsInAnotherPlaceAreFound() throws {
    let values = (0..<4).map { [UInt8](repeating: UInt8($0), count: 100) }
    let model = try ValueFileModel(values)
    let other = try ValueFileModel(values, salt: 8)
    let places = try ValueFileReader(model.bytes).records.map { Int($0.offset)..<Int($0.end) }
    var exchanged = model.bytes
    exchanged.replaceSubrange(places[1], with: model.bytes[places[2]])
    exchanged.replaceSubrange(places[2], with: model.bytes[places[1]])
    #expect(throws: StorageError.self) { try readAll(exchanged, model) }
    var mixed = model.bytes
    mixed.replaceSubrange(places[3], with: other.bytes[places[3]])
    #expect(throws: StorageError.self) { try readAll(mixed, model) }
  }

  /// Each field of the index changed below checksums that fit: refused when it contradicts the file, and what
  /// is read through it all the same is right.
  @Test(arguments: 0..<24) func forgedIndexesAreReadOrRefused(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let model = try Self.small(level: seed % 2 == 0 ? nil : 1)
    let original = ForgedValueFile(model.bytes)
    for _ in 0..<200 {
      var forged = original
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let entry = forged.entryOffset(Int.random(in: 0..<4, using: &random))
        let (field, size) = [(0, 8), (8, 4), (12, 4), (16, 8)].randomElement(using: &random) ?? (0, 8)
        let number: UInt64 =
          switch Int.random(in: 0..<4, using: &random) {
          case 0: .max &- UInt64.random(in: 0...64, using: &random)
          case 1: UInt64.random(in: 0...UInt64(model.bytes.count), using: &random)
          case 2: UInt64.random(in: 0...50, using: &random)
          default: 1 << UInt64.random(in: 0..<64, using: &random)
          }
        if size == 8 {
          forged.bytes.overwrite(at: entry + field, littleEndian: number)
        } else {
          forged.bytes.overwrite(at: entry + field, littleEndian: UInt32(truncatingIfNeeded: number))
        }
      }
      forged.signIndex()
      exercise(forged.bytes)
    }
  }

  @Test func eachRuleOfTheIndexIsChecked() throws {
    // Two records of an older file, then two of its own.
    let old = try ValueFileReader(ValueFileModel([[1], [2, 2], [3, 3, 3]]).bytes)
    let file = MemoryFile()
    let builder = ValueFileBuilder(file: file, fileNumber: 60, salt: 1, options: ValueFileOptions())
    for ordinal in [0, 2] as [UInt32] {
      _ = try builder.carry(ValueName(origin: 42, ordinal: ordinal), from: old)
    }
    for value in [[4, 4, 4, 4], [5]] as [[UInt8]] { _ = try value.withUnsafeBytes { try builder.append($0) } }
    _ = try builder.finish()
    let original = ForgedValueFile(file.bytes)
    _ = try ValueFileReader(file.bytes, fileNumber: 60)
    func refuses(_ what: String, _ change: (inout ForgedValueFile) -> Void) {
      var forged = original
      change(&forged)
      forged.signIndex()
      let error = #expect(throws: StorageError.self, "\(what)") {
        try ValueFileReader(forged.bytes, fileNumber: 60)
      }
      #expect(error?.message.contains(what) == true, "\(String(describing: error)) for \(what)")
    }
    refuses("cannot follow") { $0.bytes.overwrite(at: $0.entryOffset(1) + 8, littleEndian: UInt32(0)) }
    refuses("cannot follow") { $0.bytes.overwrite(at: $0.entryOffset(0), littleEndian: UInt64(0)) }
    refuses("cannot follow") { $0.bytes.overwrite(at: $0.entryOffset(0), littleEndian: UInt64(43)) }
    refuses("cannot follow") { $0.bytes.overwrite(at: $0.entryOffset(3), littleEndian: UInt64(61)) }
    refuses("cannot follow") { $0.bytes.overwrite(at: $0.entryOffset(1) + 8, littleEndian: UInt32.max) }
    refuses("of its own") { $0.bytes.overwrite(at: $0.entryOffset(2) + 8, littleEndian: UInt32(1)) }
    refuses("of its own") { $0.bytes.overwrite(at: $0.entryOffset(3) + 8, littleEndian: UInt32(2)) }
    refuses("impossible length") { $0.bytes.overwrite(at: $0.entryOffset(0) + 12, littleEndian: UInt32(0)) }
    refuses("impossible length") { $0.bytes.overwrite(at: $0.entryOffset(0) + 16, littleEndian: UInt64(0)) }
    refuses("impossible length") { $0.bytes.overwrite(at: $0.entryOffset(0) + 16, littleEndian: UInt64.max) }
    refuses("impossible length") {
      $0.bytes.overwrite(at: $0.entryOffset(1) + 12, littleEndian: UInt32(1) << 30 + 1)
    }
    refuses("whole file") {
      let end = ForgedValueFile.number($0.bytes, $0.entryOffset(3) + 16)
      $0.bytes.overwrite(at: $0.entryOffset(3) + 16, littleEndian: end - 1)
      $0.bytes.overwrite(at: $0.entryOffset(3) + 12, littleEndian: UInt32(2))
      let before = ForgedValueFile.number($0.bytes, $0.entryOffset(2) + 16)
      $0.bytes.overwrite(at: $0.entryOffset(2) + 16, littleEndian: before - 2)
      $0.bytes.overwrite(at: $0.entryOffset(2) + 12, littleEndian: UInt32(2))
    }
  }

  @Test(arguments: 0..<16) func forgedFootersAreReadOrRefused(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let original = ForgedValueFile(try Self.small(level: nil).bytes)
    for _ in 0..<200 {
      var forged = original
      let field = forged.footerOffset + [16, 24].randomElement(using: &random)!
      let number: UInt64 =
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .max &- UInt64.random(in: 0...200, using: &random)
        case 1: UInt64.random(in: 0...UInt64(forged.bytes.count), using: &random)
        default: 1 << UInt64.random(in: 0..<64, using: &random)
        }
      guard number != ForgedValueFile.number(forged.bytes, field) else { continue }
      forged.bytes.overwrite(at: field, littleEndian: number)
      forged.signFooter()
      #expect(throws: StorageError.self) { try ValueFileReader(forged.bytes) }
    }
  }

  /// Chunks and tables changed below checksums that fit, compressed ones too: whatever comes of them has the
  /// right length, or is a typed error.
  @Test(arguments: 0..<16) func forgedRecordsAreReadOrRefused(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let model = try Self.small(level: 1)
    let record = try ValueFileReader(model.bytes).record(model.handles[2].name)
    let tablePlace = Int(record.end) - 12..<Int(record.end)
    let chunkPlace = Int(record.offset)..<tablePlace.lowerBound
    #expect(record.storedBytes < record.rawBytes)
    for _ in 0..<200 {
      var forged = ForgedValueFile(model.bytes)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place =
          Int.random(in: 0..<4, using: &random) == 0
          ? tablePlace.lowerBound..<tablePlace.lowerBound + 4 : chunkPlace
        let offset = Int.random(in: place, using: &random)
        forged.bytes[offset] = UInt8(truncatingIfNeeded: random.next())
      }
      forged.signChunk(chunkPlace, entryAt: tablePlace.lowerBound)
      forged.signTable(tablePlace, of: record)
      exercise(forged.bytes)
    }
  }

  /// Whatever can be read has the length that its index says.
  private func exercise(_ bytes: [UInt8]) {
    do {
      let reader = try ValueFileReader(bytes)
      for record in reader.records {
        do {
          #expect(try reader.read(record.handle).count == record.rawBytes)
          #expect(try reader.joinedPieces(record.handle).count == record.rawBytes)
        } catch let error as StorageError {
          #expect(error.code == .corruption)
        }
      }
    } catch let error as StorageError {
      #expect(error.code == .corruption || error.code == .unsupportedFormat)
    } catch {
      Issue.record("an untyped error: \(error)")
    }
  }
}
