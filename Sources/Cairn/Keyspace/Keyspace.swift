import CairnKV

/// Every key that the layer writes, and nothing else writes: the layer owns the whole key space of its store.
/// `format-spec.md` says the same under "The workflow layer's keys and records".
///
///     (0)                              the layout record
///     (1, timeline, 0)                 a timeline's head
///     (1, timeline, 1, checkpoint)     a checkpoint's information
///     (1, timeline, 2, checkpoint)     a checkpoint's state
///     (2, journal, 0)                  a journal's head
///     (2, journal, 1, version)         an event
///     (2, journal, 2, once-key)        what an append with a once-key did
///     (3, position)                    which event is at a position: the commit order of the whole store
///
/// Each is a tuple: names are strings, `position` is a position, everything else a number. The parts of a
/// checkpoint are apart, so that a scan of a timeline's history never passes over its states.
///
/// Numbers are given once. An area or part that is added takes a new one, and raises ``Layout/version``.
enum Keyspace {
  private enum Area {
    static let layout = TupleElement.integer(0)
    static let timelines = TupleElement.integer(1)
    static let journals = TupleElement.integer(2)
    static let commitOrder = TupleElement.integer(3)
  }

  /// The key of the layout record.
  static let layout = Tuple(Area.layout).encoded()

  /// The keys of one timeline.
  struct OfTimeline {
    let head: [UInt8]
    let information: NumberedKeys
    let states: NumberedKeys

    init(_ name: StoredName) {
      let timeline = TupleElement.string(name.text)
      head = Tuple(Area.timelines, timeline, 0).encoded()
      information = NumberedKeys(Tuple(Area.timelines, timeline, 1))
      states = NumberedKeys(Tuple(Area.timelines, timeline, 2))
    }
  }

  /// The keys of one journal.
  struct OfJournal {
    let head: [UInt8]
    let events: NumberedKeys
    private let name: StoredName

    init(_ name: StoredName) {
      let journal = TupleElement.string(name.text)
      self.name = name
      head = Tuple(Area.journals, journal, 0).encoded()
      events = NumberedKeys(Tuple(Area.journals, journal, 1))
    }

    func once(_ key: StoredName) -> [UInt8] {
      Tuple(Area.journals, .string(name.text), 2, .string(key.text)).encoded()
    }
  }

  /// The keys of the store-wide commit order.
  enum CommitOrder {
    private static let prefix = Tuple(Area.commitOrder)
    private static let prefixBytes = prefix.encoded()

    /// The key of the thing that is number `addend` among those that its transaction puts in order.
    static func next(addend: UInt32) -> CommitOrderedBytes {
      Tuple.commitOrdered(prefix, addend: addend, Tuple())
    }

    /// The positions up to and with `last`, or from `first` on, or all.
    static func range(from first: CommitPosition? = nil, through last: CommitPosition? = nil) -> KeyRange {
      var range = prefix.range
      if let first { range.lower = key(first) }
      if let last { range.upper = KeyRange.key(key(last)).upper }
      return range
    }

    /// The position in a key of ``range(from:through:)``.
    static func position(in key: [UInt8]) throws(StoreError) -> CommitPosition {
      guard case .position(let position)? = Keyspace.onlyElement(of: key, after: prefixBytes.count) else {
        throw .damagedRecord(key: key, reason: "the key is not one of the commit order")
      }
      return position
    }

    private static func key(_ position: CommitPosition) -> [UInt8] {
      Tuple([Area.commitOrder, .position(position)]).encoded()
    }
  }

  /// The one element that a key has after the bytes of its prefix; `nil` when that is not what follows.
  fileprivate static func onlyElement(of key: [UInt8], after prefixCount: Int) -> TupleElement? {
    guard key.count > prefixCount, let rest = try? Tuple(decoding: Array(key[prefixCount...])) else {
      return nil
    }
    return rest.elements.count == 1 ? rest.elements[0] : nil
  }
}

/// Keys that differ in a number at their end.
struct NumberedKeys {
  private let prefix: Tuple
  private let prefixBytes: [UInt8]

  init(_ prefix: Tuple) {
    self.prefix = prefix
    prefixBytes = prefix.encoded()
  }

  /// The key with the number `number`.
  func key(_ number: UInt64) -> [UInt8] {
    prefixBytes + Tuple(.unsigned(number)).encoded()
  }

  /// The keys with numbers from `first` through `last`; without them, from the least and through the
  /// greatest.
  func range(from first: UInt64? = nil, through last: UInt64? = nil) -> KeyRange {
    var range = prefix.range
    if let first { range.lower = key(first) }
    if let last { range.upper = KeyRange.key(key(last)).upper }
    return range
  }

  /// The number in a key of ``range(from:through:)``.
  func number(in key: [UInt8]) throws(StoreError) -> UInt64 {
    switch Keyspace.onlyElement(of: key, after: prefixBytes.count) {
    case .integer(let number)? where number > 0: return UInt64(number)
    case .unsigned(let number)? where number > 0: return number
    default: throw .damagedRecord(key: key, reason: "the key does not end in a number from 1")
    }
  }
}
