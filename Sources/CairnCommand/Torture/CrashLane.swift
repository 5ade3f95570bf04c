import CairnKV

/// A part of the store whose operations are made one after the other: of operations 1, 2, 3 and so on, every
/// sixteenth is the next one of the same lane.
///
///     ("order", position)           which operation was committed at this position, in commit order
///     (lane, "count")               the lane's last operation, but for loads
///     (lane, "loaded")              the lane's last load
///     (lane, "loaded", n)           what it loaded
///     (lane, "new", operation, n)   what an operation set under keys of its own; of some operations with a long text behind
///     (lane, "slot", n)             what is set, overwritten and removed again and again
///
/// Numbers that stand alone are 8 bytes, little-endian. Each commit writes its own place in the first two, so
/// that the store itself says which operations it holds. An ingest can't: it takes effect in one range only,
/// and has the third instead.
///
/// How many lanes there are does not depend on the number of threads. It was simpler to have one for each, but
/// then a store could be resumed with the same number only, and would have to remember it.
struct CrashLane: Hashable, Sendable {
  static let count = 16
  static let slots = 48
  /// No operation has a greater number: one that was read and does is none.
  static let greatestOperation: UInt64 = 1 << 48

  static let all = (0..<count).map { CrashLane(number: $0) }

  /// From 0.
  let number: Int

  init(number: Int) { self.number = number }

  /// The lane of an operation; operations count from 1.
  init(of operation: UInt64) { number = Int((max(operation, 1) - 1) % UInt64(Self.count)) }

  /// The lane's operation number `index`, from 1.
  func operation(at index: UInt64) -> UInt64 { (index - 1) * UInt64(Self.count) + UInt64(number) + 1 }

  /// How many operations the lane has up to `operation`, which is one of its own, or 0.
  static func index(of operation: UInt64) -> UInt64 {
    operation == 0 ? 0 : (operation - 1) / UInt64(count) + 1
  }

  // MARK: Keys

  private var front: TupleElement { .integer(Int64(number)) }

  /// Everything in the lane.
  var range: KeyRange { Tuple(front).range }
  var countKey: [UInt8] { Tuple(front, "count").encoded() }
  var loadedKey: [UInt8] { Tuple(front, "loaded").encoded() }
  /// The key above and what was loaded.
  var loadedRange: KeyRange { Tuple(front, "loaded").range }

  func key(of place: CrashPlace) -> [UInt8] {
    switch place {
    case .new(let operation, let index):
      let isLong = operation % Self.longKeyInterval == 0
      let front = [front, "new", .unsigned(operation), .integer(Int64(index))]
      return Tuple(front + (isLong ? [Self.longKeyEnd] : [])).encoded()
    case .slot(let number): return slotKey(number)
    case .loaded(let number): return Tuple(front, "loaded", .integer(Int64(number))).encoded()
    }
  }

  /// One operation in so many has keys of some KiB: what is made for short keys is not all there is.
  private static let longKeyInterval: UInt64 = 37
  private static let longKeyEnd = TupleElement.string(String(repeating: "k", count: 3000))

  func range(ofSlots slots: Range<Int>) -> KeyRange {
    KeyRange(from: slotKey(slots.lowerBound), to: slotKey(slots.upperBound))
  }

  private func slotKey(_ slot: Int) -> [UInt8] { Tuple(front, "slot", .integer(Int64(slot))).encoded() }

  // MARK: Commit order

  private static let order = Tuple("order")

  static let orderRange = order.range
  /// The key that says where its own commit stands.
  static let orderKey = Tuple.commitOrdered(order, addend: 0, Tuple())

  /// The position that a key of the commit order stands for; `nil` for any other key.
  static func position(of key: [UInt8]) -> UInt64? {
    let template = orderKey.bytes
    guard let offset = orderKey.placeholderOffset, key.count == template.count,
      key.prefix(offset) == template.prefix(offset)
    else { return nil }
    return key[offset...].reduce(0) { $0 << 8 | UInt64($1) }
  }

  static func bytes(of number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) } }

  /// `nil` when the bytes are no number.
  static func number(of bytes: [UInt8]) -> UInt64? {
    guard bytes.count == 8 else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Where in its lane a value stands.
enum CrashPlace: Hashable, Sendable {
  case new(operation: UInt64, index: Int)
  case slot(Int)
  case loaded(Int)
}
