import CairnKV
import FuzzKit

@testable import CairnEngine

/// A value file in parts: each can be changed, and the file put together again with the places and checksums that a writer
/// would give it.
struct ValueFileImage {
  struct Chunk {
    var stored: [UInt8]
    /// What the table says of its length, where it lies.
    var saidBytes: UInt32?
  }

  struct Record {
    var origin: UInt64
    var ordinal: UInt32
    var rawBytes: UInt32
    var chunks: [Chunk]
    /// What the index adds to the record's end.
    var endError: UInt64 = 0
    var keepsChecksum = false
  }

  let number: UInt64
  let salt: UInt64
  var records: [Record] = []
  private var footerChanges: [(offset: Int, number: UInt64)] = []

  /// - Parameter bytes: a valid file.
  init(_ bytes: [UInt8], number: UInt64) throws {
    self.number = number
    salt = bytes.fuzzNumber(at: bytes.count - 120)
    let file = MemoryFile(bytes)
    let reader = try ValueFileReader(file: file, fileNumber: number)
    for record in reader.records {
      let contents = try StoredRecord(record, in: file, identity: .init(fileNumber: number, salt: salt))
      records.append(
        Record(
          origin: record.name.origin, ordinal: record.name.ordinal, rawBytes: UInt32(record.rawBytes),
          chunks: contents.chunks.map {
            Chunk(stored: Array(bytes[Int($0.offset)..<Int($0.offset) + $0.storedBytes]))
          }))
    }
  }

  mutating func change(with other: ValueFileImage, using random: inout FuzzRandom) {
    if random.chance(1, in: 8) {
      return footerChanges.append((8 * random.below(14), Mutation.edge(near: 1000, using: &random)))
    }
    if random.chance(1, in: 8) || records.isEmpty {
      return Mutation.rearrange(&records, with: other.records, using: &random)
    }
    let index = random.below(records.count)
    let edge = Mutation.edge(near: Int(records[index].rawBytes), using: &random)
    switch random.below(8) {
    case 0: records[index].origin = edge
    case 1: records[index].ordinal = UInt32(truncatingIfNeeded: edge)
    case 2: records[index].rawBytes = UInt32(truncatingIfNeeded: edge)
    case 3:
      records[index].endError =
        random.chance(1, in: 2) ? edge : UInt64(truncatingIfNeeded: random.below(9) - 4)
    case 4: records[index].keepsChecksum = true
    case 5:
      Mutation.rearrange(&records[index].chunks, with: other.records.first?.chunks ?? [], using: &random)
    default:
      guard !records[index].chunks.isEmpty else { return }
      let chunk = random.below(records[index].chunks.count)
      if random.chance(1, in: 3) {
        records[index].chunks[chunk].saidBytes = UInt32(truncatingIfNeeded: edge)
      } else {
        Mutation.change(&records[index].chunks[chunk].stored, using: &random)
      }
    }
  }

  func encoded() -> [UInt8] {
    let identity = SegmentIdentity(fileNumber: number, salt: salt)
    var bytes: [UInt8] = []
    var index: [UInt8] = []
    func sum(_ bytes: [UInt8], _ more: [UInt8] = [], at offset: Int) -> UInt32 {
      bytes.withUnsafeBytes { first in
        more.withUnsafeBytes { identity.checksum(at: UInt64(offset), first, $0) }
      }
    }
    for record in records {
      var table: [UInt8] = []
      for chunk in record.chunks {
        table.append(littleEndian: chunk.saidBytes ?? UInt32(chunk.stored.count))
        table.append(littleEndian: sum(chunk.stored, at: bytes.count))
        bytes += chunk.stored
      }
      var meaning: [UInt8] = []
      for number in [record.origin, UInt64(record.ordinal), UInt64(record.rawBytes)] {
        meaning.append(littleEndian: number)
      }
      let checksum = sum(table, meaning, at: bytes.count)
      table.append(littleEndian: record.keepsChecksum ? checksum ^ 2 : checksum)
      bytes += table
      index.append(littleEndian: record.origin)
      index.append(littleEndian: record.ordinal)
      index.append(littleEndian: record.rawBytes)
      index.append(littleEndian: UInt64(bytes.count) &+ record.endError)
    }
    let indexOffset = bytes.count
    index.append(littleEndian: sum(index, at: indexOffset))
    bytes += index
    let footerOffset = UInt64(bytes.count)
    var footer = ValueFileFooter(
      identity: identity, indexOffset: UInt64(indexOffset), recordCount: UInt64(records.count)
    ).encoded(at: footerOffset)
    for change in footerChanges { footer.overwrite(at: change.offset, littleEndian: change.number) }
    if !footerChanges.isEmpty { SegmentImage.sign(&footer, at: footerOffset) }
    return bytes + footer
  }
}
