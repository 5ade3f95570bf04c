import CairnKV

/// The newest entry of a key that a source has, as of some sequence number: lent, not copied.
///
/// Invariant: `value` lies in `block`, which this keeps, or where there is none in a memtable, which whoever
/// asked keeps. So it is good for as long as this and the memtable are.
struct PointLookup {
  let trailer: EntryTrailer
  let value: UnsafeRawBufferPointer
  let block: Block?

  @inline(__always)
  init(trailer: EntryTrailer, value: UnsafeRawBufferPointer, block: Block?) {
    self.trailer = trailer
    self.value = value
    self.block = block
  }

  /// What a source says of a key that it has nothing of, but for the removal of a range.
  @inline(__always)
  init(removedAt sequence: UInt64) {
    self.init(
      trailer: EntryTrailer(sequence: sequence, kind: .removal),
      value: UnsafeRawBufferPointer(start: nil, count: 0), block: nil)
  }

  /// The sequence number of the entry.
  @inline(__always) var sequence: UInt64 { trailer.sequence }

  /// What the entry says of its key.
  enum Meaning {
    case removed
    case value(UnsafeRawBufferPointer)
    /// The value is in a value file.
    case handle(ValueHandle)
  }

  var meaning: Meaning {
    get throws(StorageError) {
      switch trailer.kind {
      case .value: .value(value)
      case .handle: .handle(try ValueHandle(stored: value))
      case .removal, nil: .removed
      }
    }
  }
}
