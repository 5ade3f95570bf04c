import CairnKV

/// The index of a value file, as it stands in the file: for each record
///
///     u64 origin │ u32 ordinal │ u32 raw bytes │ u64 end
///
/// in the order of the records, which is that of their names; then a checksum. A record begins where the one
/// before it ends, so that no two can claim the same bytes, and none can be left between them.
///
/// Invariant: `entries` holds `count` entries of 24 bytes, was allocated by this object, and never changes.
/// They were checked when it was made: names ascend strictly, each record is as long as its value allows, and
/// the last one ends where the index begins.
final class ValueFileIndex: @unchecked Sendable {
  let count: Int
  private let entries: UnsafeMutableRawBufferPointer

  /// Reads and checks the index of `file`, whose footer was found good and begins at `footerOffset`.
  init(file: any File, footer: ValueFileFooter, footerOffset: UInt64) throws(StorageError) {
    func damaged(_ what: String) -> StorageError {
      StorageError(
        .corruption, "The index of the value file \(what).", file: file.path, offset: footer.indexOffset)
    }
    // The footer's check of its place bounds both by the file's length.
    guard let length = Int(exactly: footerOffset - footer.indexOffset),
      let count = Int(exactly: footer.recordCount)
    else { throw damaged("is longer than memory") }
    let bytes = OwnedBytes(count: length)
    guard try file.read(into: bytes.memory, at: footer.indexOffset) == length else {
      throw damaged("is cut off: the file became shorter while it was opened")
    }
    let entryBytes = length - ValueFileFormat.checksumBytes
    let checksum = footer.identity.checksum(
      at: footer.indexOffset, UnsafeRawBufferPointer(rebasing: bytes.memory[..<entryBytes]),
      UnsafeRawBufferPointer(start: nil, count: 0))
    guard
      checksum
        == UInt32(littleEndian: bytes.memory.loadUnaligned(fromByteOffset: entryBytes, as: UInt32.self))
    else { throw damaged("fails its checksum") }
    self.count = count
    entries = bytes.release()

    var last: ValueRecord?
    for position in 0..<count {
      let record = self[position]
      guard record.name.origin > 0, record.name.origin <= footer.identity.fileNumber,
        record.name.ordinal < UInt32.max, last.map({ $0.name < record.name }) ?? true
      else { throw damaged("names a record that cannot follow the one before it") }
      // Records that were first written here are all here, and nothing else is called like them.
      if record.name.origin == footer.identity.fileNumber {
        let expected = last?.name.origin == record.name.origin ? (last?.name.ordinal ?? 0) + 1 : 0
        guard record.name.ordinal == expected else { throw damaged("leaves out a record of its own") }
      }
      guard record.end >= record.offset,
        ValueFileFormat.isRecord(storedBytes: record.storedBytes, rawBytes: record.rawBytes)
      else { throw damaged("names a record of impossible length") }
      last = record
    }
    guard last?.end == footer.indexOffset else { throw damaged("does not account for the whole file") }
  }

  deinit { entries.deallocate() }

  /// Appends an entry to an index that is being written.
  static func append(_ record: ValueRecord, to bytes: inout AppendBuffer) {
    bytes.append(littleEndian: record.name.origin)
    bytes.append(littleEndian: record.name.ordinal)
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: record.rawBytes))
    bytes.append(littleEndian: record.end)
  }

  /// The record at a position less than `count`. Before the checks are done, its length may be nonsense.
  subscript(position: Int) -> ValueRecord {
    let start = position &* ValueFileFormat.indexEntryBytes
    let offset = position == 0 ? 0 : number(at: start &- 8, UInt64.self)
    return ValueRecord(
      name: name(at: position), offset: offset, storedBytes: number(at: start &+ 16, UInt64.self) &- offset,
      rawBytes: UInt64(number(at: start &+ 12, UInt32.self)))
  }

  /// The record of this name; `nil` when there is none.
  func find(_ name: ValueName) -> ValueRecord? {
    var low = 0
    var high = count
    while low < high {
      let middle = low &+ (high &- low) / 2
      if self.name(at: middle) < name { low = middle &+ 1 } else { high = middle }
    }
    return low < count && self.name(at: low) == name ? self[low] : nil
  }

  private func name(at position: Int) -> ValueName {
    let start = position &* ValueFileFormat.indexEntryBytes
    return ValueName(origin: number(at: start, UInt64.self), ordinal: number(at: start &+ 8, UInt32.self))
  }

  @inline(__always)
  private func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number {
    Number(littleEndian: entries.loadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}
