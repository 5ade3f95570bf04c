public import CairnKV

extension Snapshot {
  /// The last version of a journal, which is the number of events ever appended to it; 0 when there are none.
  /// - Throws: `.invalidName`, `.damagedRecord`, `.storage`.
  public borrowing func version<Event>(of journal: Journal<Event>) throws(StoreError) -> UInt64 {
    try JournalReader(journal.id, in: source).last()
  }

  /// A journal's events, oldest or newest first.
  /// - Parameters:
  ///   - journal: Which journal.
  ///   - place: Where to begin, that place included; `nil` for the first event in the direction.
  ///   - direction: `.ascending` reads from that place to later events, `.descending` to earlier ones.
  ///   - limit: At most so many; `nil` for all of them, which are in memory together.
  /// - Throws: `.invalidName`, `.invalidArgument` when the limit is negative, `.decodingFailed` when an event
  ///   is not an `Event`, `.damagedRecord`, `.storage`.
  public borrowing func events<Event>(
    in journal: Journal<Event>, from place: EventPlace? = nil, _ direction: ScanDirection = .ascending,
    limit: Int? = nil
  ) throws(StoreError) -> [Recorded<Event>] {
    try JournalReader(journal.id, in: source).events(from: place, direction, limit: limit).decoded()
  }

  /// The events of all journals, in the order in which they were committed, oldest or newest first.
  ///
  /// An event that is committed later always has a greater position than what was read: who reads on from
  /// behind the last position it has seen misses nothing.
  /// - Parameters:
  ///   - position: Where to begin, that position included; `nil` for the first event in the direction.
  ///   - direction: `.ascending` reads from there to later events, `.descending` to earlier ones.
  ///   - limit: At most so many; `nil` for all of them, which are in memory together.
  /// - Throws: `.invalidArgument` when the limit is negative, `.damagedRecord`, `.storage`.
  public borrowing func events(
    from position: CommitPosition? = nil, _ direction: ScanDirection = .ascending, limit: Int? = nil
  ) throws(StoreError) -> [RecordedBytes] {
    try CommitOrderReader(source: source).events(from: position, direction, limit: limit)
  }
}

extension [RecordedBytes] {
  func decoded<Event: Codable & Sendable>() throws(StoreError) -> [Recorded<Event>] {
    var result: [Recorded<Event>] = []
    result.reserveCapacity(count)
    for event in self { result.append(try event.decoded()) }
    return result
  }
}
