public import CairnKV

extension Transaction {
  /// Appends events to a journal, together and in order. As ``append(contentsOf:to:expecting:once:)``.
  @discardableResult
  public borrowing func append<Event>(
    _ events: Event..., to journal: Journal<Event>, expecting expected: ExpectedVersion = .any,
    once key: String? = nil
  ) throws(StoreError) -> Appended {
    try append(contentsOf: events, to: journal, expecting: expected, once: key)
  }

  /// Appends events to a journal, together and in order.
  ///
  /// They get the versions that follow the journal's last. Within this transaction they can be counted
  /// (``version(of:)``) and further events appended behind them, but not read.
  /// - Parameters:
  ///   - events: What happened. None is fine: then only the expectation is checked, and the once-key
  ///     remembered.
  ///   - journal: Where it is kept.
  ///   - expected: What the journal's last version must be.
  ///   - key: A name for this append, unique in the journal: 1 to 1,024 bytes of UTF-8. When an append with
  ///     this name was committed, or made in this transaction, then nothing is appended nor expected, and the
  ///     earlier versions are returned. That the events are the same is not checked.
  /// - Returns: The events' versions, and whether they are those of an earlier append.
  /// - Throws: `.conflict` when the journal is not where it was expected, `.invalidName`, `.encodingFailed`,
  ///   `.invalidArgument` when the numbers run out, `.damagedRecord`, `.storage`.
  @discardableResult
  public borrowing func append<Event>(
    contentsOf events: [Event], to journal: Journal<Event>, expecting expected: ExpectedVersion = .any,
    once key: String? = nil
  ) throws(StoreError) -> Appended {
    let reader = try JournalReader(journal.id, in: source)
    let onceKey = try key.map { name throws(StoreError) in reader.keys.once(try StoredName(name)) }
    if let onceKey, let earlier: OnceRecord = try source.record(at: onceKey) {
      return Appended(versions: earlier.versions, isRepeat: true)
    }

    let last = try reader.last()
    guard expected.allows(last) else {
      throw .conflict(journal: journal.id, expected: expected, actual: last)
    }
    // The range ends one past the last event, so the last possible number is never given out.
    let (first, overflow) = last.addingReportingOverflow(1)
    guard !overflow, UInt64(events.count) <= .max - first else {
      throw .damagedRecord(key: reader.keys.head, reason: "it says that the last possible version is taken")
    }
    let versions = first..<first + UInt64(events.count)

    // Everything that can fail because of an event comes before the first write.
    var payloads: [[UInt8]] = []
    payloads.reserveCapacity(events.count)
    for (version, event) in zip(versions, events) {
      payloads.append(try PayloadCoding.encode(event, of: .event(journal: journal.id, version: version)))
    }
    for (version, payload) in zip(versions, payloads) {
      let addend = try writer.nextAddend()
      try writer.set(
        CommitOrderedBytes(reader.keys.events.key(version)),
        to: EventRecord.Pending(addend: addend, time: time, payload: payload))
      try writer.set(
        Keyspace.CommitOrder.next(addend: addend),
        to: OrderedEventRecord(journal: journal.id, version: version))
    }
    if let last = versions.last { try writer.set(reader.keys.head, to: SequenceHead(last: last)) }
    if let onceKey { try writer.set(onceKey, to: OnceRecord(versions: versions)) }
    return Appended(versions: versions, isRepeat: false)
  }

  /// As ``Snapshot/version(of:)``, counting what this transaction has appended.
  public borrowing func version<Event>(of journal: Journal<Event>) throws(StoreError) -> UInt64 {
    try JournalReader(journal.id, in: source).last()
  }

  /// As ``Snapshot/events(in:from:_:limit:)``. Events that this transaction has appended are not among them.
  public borrowing func events<Event>(
    in journal: Journal<Event>, from place: EventPlace? = nil, _ direction: ScanDirection = .ascending,
    limit: Int? = nil
  ) throws(StoreError) -> [Recorded<Event>] {
    try JournalReader(journal.id, in: source).events(from: place, direction, limit: limit).decoded()
  }

  /// As ``Snapshot/events(from:_:limit:)``. Events that this transaction has appended are not among them.
  public borrowing func events(
    from position: CommitPosition? = nil, _ direction: ScanDirection = .ascending, limit: Int? = nil
  ) throws(StoreError) -> [RecordedBytes] {
    try CommitOrderReader(source: source).events(from: position, direction, limit: limit)
  }
}
