public import CairnKV

/// Writes that take effect together: the unit of atomicity, already in the form in which the log holds it.
///
/// Each operation is a kind byte, then its keys and values with varint lengths. Normative in
/// format-spec.md, "Batches".
public struct WriteBatch: Sendable {
  /// What an operation does.
  enum Operation: UInt8 {
    case removal = 0
    case value = 1
    case rangeRemoval = 2
    /// To the end of the key space.
    case openRangeRemoval = 3
  }

  /// Eight bytes of `bytes` to be replaced by the commit's position plus `addend`.
  private struct Placeholder {
    var offset: Int
    var addend: UInt32
  }

  /// A value that stands between the bytes of ``inline``, before the one at `offset`.
  private struct LargeValue {
    var offset: Int
    var bytes: [UInt8]
  }

  /// The operations without their large values, which stay where they are until they are logged: sharing an array
  /// costs nothing.
  private var inline: [UInt8] = []
  private var largeValues: [LargeValue] = []
  /// How long the operations are.
  private(set) var byteCount = 0
  /// How much of that is large values.
  private(set) var largeBytes = 0
  private(set) var count: UInt32 = 0
  /// Whether anything is set: if not, the batch only removes.
  private(set) var setsAnything = false
  /// The operations that hold placeholders, by index.
  private(set) var commitOrdered: Set<UInt32> = []
  private var placeholders: [Placeholder] = []
  private let byteLimit: Int

  /// From so many bytes on a value is large.
  static let leastLargeValue = 4096

  init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  /// Whether nothing was written.
  public var isEmpty: Bool { count == 0 }

  /// Sets `key` to `value`.
  public mutating func set(_ key: [UInt8], to value: [UInt8]) throws(StorageError) {
    try check(key: key)
    try check(value: value)
    try begin(.value, key.count + value.count)
    setsAnything = true
    append(key)
    if value.count < Self.leastLargeValue { return append(value) }
    inline.append(varint: UInt64(value.count))
    largeValues.append(LargeValue(offset: inline.count, bytes: value))
    largeBytes += value.count
    byteCount = inline.count + largeBytes
  }

  /// Sets a key or a value that holds the commit's own position.
  public mutating func set(_ key: CommitOrderedBytes, to value: CommitOrderedBytes) throws(StorageError) {
    try check(key: key.bytes)
    try check(value: value.bytes)
    try begin(.value, key.bytes.count + value.bytes.count)
    setsAnything = true
    append(key)
    append(value)
    if key.placeholderOffset != nil || value.placeholderOffset != nil { commitOrdered.insert(count - 1) }
  }

  /// Removes `key`.
  public mutating func remove(_ key: [UInt8]) throws(StorageError) {
    try check(key: key)
    try begin(.removal, key.count)
    append(key)
  }

  /// Removes every key in `range`.
  public mutating func remove(_ range: KeyRange) throws(StorageError) {
    try Self.check(range)
    if range.isEmpty { return }
    try begin(
      range.upper == nil ? .openRangeRemoval : .rangeRemoval, range.lower.count + (range.upper?.count ?? 0))
    append(range.lower)
    if let upper = range.upper { append(upper) }
  }

  // MARK: Commit

  /// Fills in the commit's position.
  mutating func resolve(at position: UInt64) {
    for placeholder in placeholders {
      inline.overwrite(
        at: placeholder.offset, littleEndian: (position &+ UInt64(placeholder.addend)).byteSwapped)
    }
  }

  /// Gives back what the operations take; their number stays.
  mutating func releaseBytes() {
    inline = []
    largeValues = []
  }

  /// Lends the operations piece by piece, in order.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) {
    inline.withUnsafeBytes { inline in
      var start = 0
      for large in largeValues {
        body(UnsafeRawBufferPointer(rebasing: inline[start..<large.offset]))
        large.bytes.withUnsafeBytes { body($0) }
        start = large.offset
      }
      body(UnsafeRawBufferPointer(rebasing: inline[start...]))
    }
  }

  /// The operations in one piece.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    forEachPiece { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Every addend must leave the position below the next commit's.
  func checkAddends() throws(StorageError) {
    if let placeholder = placeholders.first(where: { $0.addend >= count }) {
      throw StorageError(
        .invalidArgument,
        "a commit-ordered key adds \(placeholder.addend) to its position in a transaction of \(count) operations; "
          + "the addend must be less than their number")
    }
  }

  // MARK: Building

  private mutating func append(_ bytes: [UInt8]) {
    inline.append(lengthPrefixed: bytes)
    byteCount = inline.count + largeBytes
  }

  private mutating func append(_ ordered: CommitOrderedBytes) {
    inline.append(varint: UInt64(ordered.bytes.count))
    if let offset = ordered.placeholderOffset {
      placeholders.append(Placeholder(offset: inline.count + offset, addend: ordered.addend))
    }
    inline.append(contentsOf: ordered.bytes)
    byteCount = inline.count + largeBytes
  }

  private mutating func begin(_ operation: Operation, _ contentBytes: Int) throws(StorageError) {
    guard count < UInt32.max, byteCount + contentBytes + 32 <= byteLimit else {
      throw StorageError(
        .transactionTooLarge,
        "the transaction would exceed \(byteLimit) bytes; split it, or raise the memory limit")
    }
    // One operation, as most batches are, then needs one allocation.
    if count == 0 && contentBytes < Self.leastLargeValue { inline.reserveCapacity(contentBytes + 16) }
    inline.append(operation.rawValue)
    count += 1
  }

  private func check(key: [UInt8]) throws(StorageError) {
    guard key.count <= StorageLimits.keyBytes else {
      throw StorageError(
        .keyTooLong, "a key of \(key.count) bytes; the longest is \(StorageLimits.keyBytes)")
    }
  }

  static func check(_ range: KeyRange) throws(StorageError) {
    try checkBound(range.lower)
    if let upper = range.upper { try checkBound(upper) }
  }

  /// The bound past the longest key may be one byte longer than a key.
  private static func checkBound(_ bound: [UInt8]) throws(StorageError) {
    guard bound.count <= StorageLimits.keyBytes + 1 else {
      throw StorageError(
        .keyTooLong, "a range bound of \(bound.count) bytes; the longest is \(StorageLimits.keyBytes + 1)")
    }
  }

  private func check(value: [UInt8]) throws(StorageError) {
    guard value.count <= StorageLimits.valueBytes else {
      throw StorageError(
        .valueTooLarge, "a value of \(value.count) bytes; the largest is \(StorageLimits.valueBytes)")
    }
  }
}
