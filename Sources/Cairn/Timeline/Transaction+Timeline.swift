extension Transaction {
  /// Saves a state as a timeline's next checkpoint, which becomes its latest.
  ///
  /// Two transactions that save to one timeline at the same time do not interleave: one of them runs again,
  /// and goes on from the other's checkpoint unless it names its parent.
  /// - Parameters:
  ///   - state: What to keep.
  ///   - timeline: Where.
  ///   - parent: The checkpoint whose work goes on; `nil` for the latest.
  ///   - step: How far the work is, in whatever it counts; `nil` for one more than the parent's, or 0 without
  ///     a parent.
  ///   - tags: Short labels, to find and to choose checkpoints by.
  ///   - metadata: Anything else that should be read without the state.
  /// - Returns: The checkpoint's id: one more than that of the latest, or 1.
  /// - Throws: `.invalidName`, `.notFound` when there is no such parent, `.invalidArgument` when the parent's
  ///   step has no successor, `.encodingFailed`, `.damagedRecord`, `.storage`.
  @discardableResult
  public borrowing func save<State>(
    _ state: State, to timeline: Timeline<State>, after parent: CheckpointID? = nil, step: Int? = nil,
    tags: [String: String] = [:], metadata: (any Encodable)? = nil
  ) throws(StoreError) -> CheckpointID {
    let reader = try TimelineReader(timeline, in: source)
    let last = try reader.last()
    guard last < .max else {
      throw .damagedRecord(key: reader.keys.head, reason: "it says that the last possible number is taken")
    }
    let id = CheckpointID(rawValue: last + 1)

    var parentRecord: CheckpointRecord?
    if let parent {
      parentRecord = try source.record(at: reader.keys.information.key(parent.rawValue))
      guard parentRecord != nil else { throw .notFound(.checkpoint(timeline: timeline.id, parent)) }
    } else if last > 0 {
      parentRecord = try reader.latestRecord(last)
    }
    let (nextStep, overflow) = (parentRecord?.step ?? -1).addingReportingOverflow(1)
    guard step != nil || !overflow else {
      throw .invalidArgument("no step was given, and the step \(Int64.max) of the parent has no successor")
    }

    let metadataBytes = try metadata.map { value throws(StoreError) in
      try PayloadCoding.encode(value, of: .metadata(timeline: timeline.id, id))
    }
    let payload = try PayloadCoding.encode(state, of: .checkpoint(timeline: timeline.id, id))
    let record = CheckpointRecord(
      parent: parent?.rawValue ?? (last > 0 ? last : nil), step: step.map(Int64.init) ?? nextStep, time: time,
      tags: tags, metadata: metadataBytes)
    try writer.set(reader.keys.information.key(id.rawValue), to: record)
    try writer.set(reader.keys.states.key(id.rawValue), to: StateRecord(payload: payload))
    try writer.set(reader.keys.head, to: SequenceHead(last: id.rawValue))
    return id
  }

  /// As ``Snapshot/load(_:)``, with this transaction's own changes.
  public borrowing func load<State>(_ timeline: Timeline<State>) throws(StoreError) -> Checkpoint<State>? {
    try TimelineReader(timeline, in: source).latest()
  }

  /// As ``Snapshot/load(_:at:)``, with this transaction's own changes.
  public borrowing func load<State>(
    _ timeline: Timeline<State>, at id: CheckpointID
  ) throws(StoreError) -> Checkpoint<State>? {
    try TimelineReader(timeline, in: source).checkpoint(id)
  }

  /// As ``Snapshot/history(of:before:limit:)``, with this transaction's own changes.
  public borrowing func history<State>(
    of timeline: Timeline<State>, before id: CheckpointID? = nil, limit: Int? = nil
  ) throws(StoreError) -> [CheckpointInfo] {
    try TimelineReader(timeline, in: source).history(before: id, limit: limit)
  }

  /// As ``Snapshot/checkpoints(of:before:limit:)``, with this transaction's own changes.
  public borrowing func checkpoints<State>(
    of timeline: Timeline<State>, before id: CheckpointID? = nil, limit: Int? = nil
  ) throws(StoreError) -> [Checkpoint<State>] {
    try TimelineReader(timeline, in: source).checkpoints(before: id, limit: limit)
  }
}
