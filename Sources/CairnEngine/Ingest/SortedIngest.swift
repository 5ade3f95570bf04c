public import CairnKV

/// Takes the entries of an ingest, in ascending order of their keys. See ``Engine``'s `ingest`.
///
/// Memory stays bounded, however many entries there are: what is appended goes to the files at once, about a
/// megabyte at a time.
public struct SortedIngest: ~Copyable {
  private let range: KeyRange
  private let trailer: EntryTrailer
  private let writer: SortedRunWriter
  private var lastKey = AppendBuffer(capacity: 64)
  private var failure: StorageError?

  /// How many entries were appended so far.
  public private(set) var count: UInt64 = 0

  init(_ writer: SortedRunWriter, range: KeyRange, sequence: UInt64) {
    self.writer = writer
    self.range = range
    trailer = EntryTrailer(sequence: sequence, kind: .value)
  }

  /// Adds the next entry.
  ///
  /// - Throws: `.invalidArgument` for a key that is not greater than the one before it or does not lie in the
  ///   ingest's range, `.keyTooLong`, `.valueTooLarge`: then the entry is left out, and others may follow.
  ///   `.full`, `.inputOutput` and `.closed` when the files could not be written: then the ingest has failed,
  ///   and throws the same again.
  public mutating func append(key: [UInt8], value: [UInt8]) throws(StorageError) {
    if let failure { throw failure }
    try check(key, value)
    do throws(StorageError) {
      try withBytes(of: key) { (key) throws(StorageError) in
        try withBytes(of: value) { (value) throws(StorageError) in
          try writer.add(key: key, trailer: trailer, value: value)
        }
        lastKey.replaceContents(with: key)
      }
    } catch {
      failure = error
      throw error
    }
    count += 1
  }

  /// Writes what remains.
  consuming func finish() throws(StorageError) -> SegmentOutput.Written {
    if let failure { throw failure }
    return try writer.finish()
  }

  private func check(_ key: [UInt8], _ value: [UInt8]) throws(StorageError) {
    guard key.count <= StorageLimits.keyBytes else {
      throw StorageError(
        .keyTooLong, "a key of \(key.count) bytes; the longest is \(StorageLimits.keyBytes)")
    }
    guard value.count <= StorageLimits.valueBytes else {
      throw StorageError(
        .valueTooLarge, "a value of \(value.count) bytes; the largest is \(StorageLimits.valueBytes)")
    }
    if count > 0 {
      guard key.withUnsafeBytes({ EntryOrder.compare(lastKey.bytes, $0) }) < 0 else {
        throw StorageError(
          .invalidArgument,
          "the key \(Self.text(key)) does not sort after \(Self.text([UInt8](lastKey.bytes))), which was appended before it; "
            + "append each key once, in ascending order")
      }
    } else {
      guard Self.compare(range.lower, key) <= 0 else { throw outside(key) }
    }
    if let upper = range.upper, Self.compare(key, upper) >= 0 { throw outside(key) }
  }

  private func outside(_ key: [UInt8]) -> StorageError {
    StorageError(.invalidArgument, "the key \(Self.text(key)) does not lie in the ingest's range")
  }

  @inline(__always)
  private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
    left.withUnsafeBytes { left in right.withUnsafeBytes { EntryOrder.compare(left, $0) } }
  }

  /// A key as people read it: its first bytes in hexadecimal.
  static func text(_ key: [UInt8]) -> String {
    let digits = Array("0123456789ABCDEF")
    let shown = key.prefix(32).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
    return shown.joined(separator: " ") + (key.count > 32 ? " … (\(key.count) bytes)" : "")
  }
}
