/// Which of the records that were first written to one file are still referred to: exact, and kept in the
/// manifest. It follows the records wherever they are moved, because their names do.
///
///     varint origin │ varint record count │ varint stored bytes │ dead ordinals, see ``OrdinalSet``
///     varint dead stored bytes
///
/// Invariant: ordinals are below the record count; no live record, and no dead one, takes less than the
/// shortest record does; without live records there are no live bytes.
struct ValueLiveness: Hashable, Sendable {
  let origin: UInt64
  /// How many records were first written there. Their ordinals are all numbers below.
  let recordCount: UInt32
  /// What all of them took.
  let storedBytes: UInt64
  private(set) var dead = OrdinalSet()
  private(set) var deadBytes: UInt64 = 0

  /// All records live. `nil` for numbers that no file has.
  init?(origin: UInt64, recordCount: UInt32, storedBytes: UInt64) {
    self.origin = origin
    self.recordCount = recordCount
    self.storedBytes = storedBytes
    guard origin > 0, recordCount > 0, isConsistent else { return nil }
  }

  /// All records of a file live that was just written; `nil` when it holds none of its own.
  init?(_ properties: ValueFileProperties) {
    guard let own = properties.origins.last, own.number == properties.fileNumber else { return nil }
    self.init(origin: own.number, recordCount: own.recordCount, storedBytes: own.storedBytes)
  }

  /// Whether no record is live.
  var isEmpty: Bool { dead.count == recordCount }
  var liveCount: UInt32 { recordCount - dead.count }
  var liveBytes: UInt64 { storedBytes - deadBytes }
  var liveOrdinals: OrdinalSet { dead.complement(below: recordCount) }

  func isLive(_ ordinal: UInt32) -> Bool { ordinal < recordCount && !dead.contains(ordinal) }

  /// Notes that records have died. `false`, and nothing changes, when that contradicts what is known: they
  /// are another file's, do not exist, are dead already, or take more than is left.
  mutating func drop(_ drops: ValueDrops) -> Bool {
    guard drops.origin == origin, drops.storedBytes <= liveBytes else { return false }
    var next = self
    guard next.dead.formDisjointUnion(drops.ordinals) else { return false }
    next.deadBytes += drops.storedBytes
    guard next.isConsistent else { return false }
    self = next
    return true
  }

  /// The same for records given by their handles; none of them may be there twice.
  mutating func drop(_ handles: some Sequence<ValueHandle>) -> Bool {
    guard let drops = ValueDrops(origin: origin, handles) else { return false }
    return drop(drops)
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(varint: origin)
    bytes.append(varint: UInt64(recordCount))
    bytes.append(varint: storedBytes)
    dead.encode(to: &bytes)
    bytes.append(varint: deadBytes)
    return bytes
  }

  /// `nil` when the bytes contradict themselves.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard let origin = reader.readVarint(),
      let recordCount = reader.readVarint().flatMap({ UInt32(exactly: $0) }),
      let storedBytes = reader.readVarint(), let dead = OrdinalSet(decodingFrom: &reader),
      let deadBytes = reader.readVarint(), reader.isAtEnd
    else { return nil }
    self.origin = origin
    self.recordCount = recordCount
    self.storedBytes = storedBytes
    self.dead = dead
    self.deadBytes = deadBytes
    guard origin > 0, recordCount > 0, isConsistent else { return nil }
  }

  private var isConsistent: Bool {
    guard dead.greatest.map({ $0 < recordCount }) ?? true, deadBytes <= storedBytes else { return false }
    let shortest = ValueFileFormat.shortestRecord
    return deadBytes >= UInt64(dead.count) * shortest && liveBytes >= UInt64(liveCount) * shortest
      && (deadBytes == 0 || !dead.isEmpty) && (liveBytes == 0 || !isEmpty)
  }
}
