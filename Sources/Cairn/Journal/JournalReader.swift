import CairnKV

/// The reads of one journal, for snapshots and transactions alike.
struct JournalReader {
  let source: RecordSource
  let name: String
  let keys: Keyspace.OfJournal

  init(_ name: String, in source: RecordSource) throws(StoreError) {
    self.source = source
    self.name = name
    keys = Keyspace.OfJournal(try StoredName(name))
  }

  /// The last version; 0 when there is none.
  func last() throws(StoreError) -> UInt64 {
    try source.record(SequenceHead.self, at: keys.head)?.last ?? 0
  }

  /// The events from a place on, in a direction.
  func events(
    from place: EventPlace?, _ direction: ScanDirection, limit: Int?
  ) throws(StoreError) -> [RecordedBytes] {
    var result: [RecordedBytes] = []
    for (key, record) in try source.records(
      EventRecord.Stored.self, in: range(from: place, direction), direction, limit: limit)
    {
      result.append(recorded(try keys.events.number(in: key), record))
    }
    return result
  }

  /// The event that the commit order says is at `position`.
  func event(_ version: UInt64, at position: CommitPosition) throws(StoreError) -> RecordedBytes {
    let key = keys.events.key(version)
    let record = try stored(version)
    guard record.position == position else {
      throw .damagedRecord(
        key: key,
        reason:
          "its position is \(record.position.rawValue), but the commit order has it at \(position.rawValue)")
    }
    return recorded(version, record)
  }

  private func range(from place: EventPlace?, _ direction: ScanDirection) throws(StoreError) -> KeyRange {
    switch (place, direction) {
    case (nil, _):
      return keys.events.range()
    case (.version(let version), .ascending):
      return keys.events.range(from: version)
    case (.version(let version), .descending):
      return keys.events.range(through: version)
    case (.position(let position), .ascending):
      return keys.events.range(from: try firstVersion { $0 >= position })
    case (.position(let position), .descending):
      var range = keys.events.range()
      range.upper = keys.events.key(try firstVersion { $0 > position })
      return range
    }
  }

  /// The first version whose position is far enough, or the one after the last when none is. Versions are
  /// contiguous and their positions grow, so that halving finds it in as many reads as the number has bits.
  private func firstVersion(
    where isFarEnough: (CommitPosition) -> Bool
  ) throws(StoreError) -> UInt64 {
    guard let firstKey = try source.outermostKey(in: keys.events.range(), .ascending),
      let lastKey = try source.outermostKey(in: keys.events.range(), .descending)
    else { return 1 }
    var low = try keys.events.number(in: firstKey)
    let last = try keys.events.number(in: lastKey)
    guard last < .max else {
      throw .damagedRecord(key: lastKey, reason: "no journal reaches the last possible version")
    }
    var high = last + 1
    while low < high {
      let middle = low + (high - low) / 2
      if isFarEnough(try stored(middle).position) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func stored(_ version: UInt64) throws(StoreError) -> EventRecord.Stored {
    try source.record(
      at: keys.events.key(version),
      because: "it is event \(version) of journal \"\(name)\", which has later ones")
  }

  private func recorded(_ version: UInt64, _ record: EventRecord.Stored) -> RecordedBytes {
    RecordedBytes(
      journal: name, version: version, position: record.position, time: record.time, bytes: record.payload)
  }
}

/// The reads of all journals together, in the order in which their events were committed.
struct CommitOrderReader {
  let source: RecordSource

  /// The events from a position on, in a direction.
  func events(
    from position: CommitPosition?, _ direction: ScanDirection, limit: Int?
  ) throws(StoreError) -> [RecordedBytes] {
    let range =
      switch direction {
      case .ascending: Keyspace.CommitOrder.range(from: position)
      case .descending: Keyspace.CommitOrder.range(through: position)
      }
    // By the names' bytes: to `String`, two spellings of one character are equal, but they name two journals.
    var journals: [[UInt8]: JournalReader] = [:]
    var result: [RecordedBytes] = []
    for (key, place) in try source.records(OrderedEventRecord.self, in: range, direction, limit: limit) {
      let position = try Keyspace.CommitOrder.position(in: key)
      let nameBytes = Array(place.journal.utf8)
      if let journal = journals[nameBytes] {
        result.append(try journal.event(place.version, at: position))
      } else {
        let journal = try reader(of: place.journal, namedAt: key)
        journals[nameBytes] = journal
        result.append(try journal.event(place.version, at: position))
      }
    }
    return result
  }

  private func reader(of journal: String, namedAt key: [UInt8]) throws(StoreError) -> JournalReader {
    do throws(StoreError) {
      return try JournalReader(journal, in: source)
    } catch {
      throw .damagedRecord(key: key, reason: "it names a journal that cannot be: \(error)")
    }
  }
}
