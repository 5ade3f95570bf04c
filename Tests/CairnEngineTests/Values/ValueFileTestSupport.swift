import CairnKV
import CairnTesting

@testable import CairnEngine

/// A value file in memory, with what each of its records must read as.
struct ValueFileModel {
  static let fileNumber: UInt64 = 42

  let bytes: [UInt8]
  let properties: ValueFileProperties
  let handles: [ValueHandle]
  let values: [[UInt8]]

  init(_ values: [[UInt8]], level: Int? = nil, salt: UInt64 = 7) throws {
    let file = MemoryFile(path: "memory.values")
    let builder = ValueFileBuilder(
      file: file, fileNumber: Self.fileNumber, salt: salt,
      options: ValueFileOptions(compressionLevel: level, leastCompressedBytes: 0))
    handles = try values.map { value in try value.withUnsafeBytes { try builder.append($0) } }
    properties = try builder.finish()
    bytes = file.bytes
    self.values = values
  }

  /// Values of every kind: empty, short, at the chunk borders and beyond; random, repetitive, and both in
  /// turns.
  static func values(seed: UInt64, count: Int, greatest: Int) -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    let chunk = ValueFileFormat.chunkBytes
    return (0..<count).map { _ in
      let length =
        switch Int.random(in: 0..<8, using: &random) {
        case 0: Int.random(in: 0...3, using: &random)
        case 1: chunk * Int.random(in: 1...3, using: &random) + Int.random(in: -1...1, using: &random)
        case 2: Int.random(in: 0...greatest, using: &random)
        default: Int.random(in: 0...20_000, using: &random)
        }
      return value(length: min(length, greatest), using: &random)
    }
  }

  static func value(length: Int, using random: inout SeededGenerator) -> [UInt8] {
    let shape = Int.random(in: 0..<3, using: &random)
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      for position in 0..<length {
        let isRandom = shape == 0 || shape == 1 && position / ValueFileFormat.chunkBytes % 2 == 0
        buffer[position] =
          isRandom ? UInt8(truncatingIfNeeded: random.next()) : UInt8(truncatingIfNeeded: position / 50)
      }
      count = length
    }
  }
}

extension ValueFileReader {
  convenience init(_ bytes: [UInt8], fileNumber: UInt64 = ValueFileModel.fileNumber) throws {
    try self.init(file: MemoryFile(bytes, path: "memory.values"), fileNumber: fileNumber)
  }

  /// A value, put together from its pieces.
  func joinedPieces(_ handle: ValueHandle) throws -> [UInt8] {
    var result: [UInt8] = []
    try forEachPiece(handle) { piece in
      result.append(contentsOf: piece)
      return .proceed
    }
    return result
  }
}

/// A value file whose parts can be changed and given checksums that fit, as `format-spec.md` defines them.
struct ForgedValueFile {
  var bytes: [UInt8]
  let fileNumber: UInt64
  let salt: UInt64

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    fileNumber = Self.number(bytes, bytes.count - 128)
    salt = Self.number(bytes, bytes.count - 120)
  }

  var footerOffset: Int { bytes.count - 128 }
  var indexOffset: Int { Int(Self.number(bytes, footerOffset + 16)) }
  var entryCount: Int { Int(Self.number(bytes, footerOffset + 24)) }
  func entryOffset(_ position: Int) -> Int { indexOffset + 24 * position }

  static func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }

  private func checksum(_ covered: [UInt8], at offset: Int) -> UInt32 {
    var covered = covered
    for number in [fileNumber, salt, UInt64(offset)] { covered.append(littleEndian: number) }
    return covered.withUnsafeBytes { CRC32C.checksum($0) }
  }

  mutating func signIndex() {
    let start = indexOffset
    let end = footerOffset - 4
    bytes.overwrite(at: end, littleEndian: checksum(Array(bytes[start..<end]), at: start))
  }

  mutating func signFooter() {
    let footer = footerOffset
    let covered = Array(bytes[footer..<footer + 112] + bytes[(footer + 116)...])
    bytes.overwrite(at: footer + 112, littleEndian: checksum(covered, at: footer))
  }

  /// Signs a chunk in its table entry.
  mutating func signChunk(_ place: Range<Int>, entryAt entry: Int) {
    bytes.overwrite(at: entry + 4, littleEndian: checksum(Array(bytes[place]), at: place.lowerBound))
  }

  mutating func signTable(_ place: Range<Int>, of record: ValueRecord) {
    var covered = Array(bytes[place.dropLast(4)])
    for number in [record.name.origin, UInt64(record.name.ordinal), record.rawBytes] {
      covered.append(littleEndian: number)
    }
    bytes.overwrite(at: place.upperBound - 4, littleEndian: checksum(covered, at: place.lowerBound))
  }
}
