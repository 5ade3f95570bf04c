import CairnKV

/// The reads of one timeline, for snapshots and transactions alike.
struct TimelineReader<State: Codable & Sendable> {
  let source: RecordSource
  let name: String
  let keys: Keyspace.OfTimeline

  init(_ timeline: Timeline<State>, in source: RecordSource) throws(StoreError) {
    self.source = source
    name = timeline.id
    keys = Keyspace.OfTimeline(try StoredName(timeline.id))
  }

  /// The number of the latest checkpoint; 0 when there is none.
  func last() throws(StoreError) -> UInt64 {
    try source.record(SequenceHead.self, at: keys.head)?.last ?? 0
  }

  /// The record of a checkpoint that the timeline's head names as its latest.
  func latestRecord(_ number: UInt64) throws(StoreError) -> CheckpointRecord {
    try source.record(
      at: keys.information.key(number), because: "checkpoint \(number) is the latest of timeline \"\(name)\"")
  }

  func latest() throws(StoreError) -> Checkpoint<State>? {
    let number = try last()
    guard number > 0 else { return nil }
    return try checkpoint(number, latestRecord(number))
  }

  func checkpoint(_ id: CheckpointID) throws(StoreError) -> Checkpoint<State>? {
    guard let record: CheckpointRecord = try source.record(at: keys.information.key(id.rawValue)) else {
      return nil
    }
    return try checkpoint(id.rawValue, record)
  }

  func history(before id: CheckpointID?, limit: Int?) throws(StoreError) -> [CheckpointInfo] {
    var result: [CheckpointInfo] = []
    for (number, record) in try records(before: id, limit: limit) {
      result.append(information(number, record))
    }
    return result
  }

  func checkpoints(before id: CheckpointID?, limit: Int?) throws(StoreError) -> [Checkpoint<State>] {
    var result: [Checkpoint<State>] = []
    for (number, record) in try records(before: id, limit: limit) {
      result.append(try checkpoint(number, record))
    }
    return result
  }

  private func records(
    before id: CheckpointID?, limit: Int?
  ) throws(StoreError) -> [(number: UInt64, record: CheckpointRecord)] {
    var range = keys.information.range()
    if let id { range.upper = keys.information.key(id.rawValue) }
    var result: [(UInt64, CheckpointRecord)] = []
    for (key, record) in try source.records(CheckpointRecord.self, in: range, .descending, limit: limit) {
      result.append((try keys.information.number(in: key), record))
    }
    return result
  }

  private func checkpoint(
    _ number: UInt64, _ record: CheckpointRecord
  ) throws(StoreError) -> Checkpoint<State> {
    let state: StateRecord = try source.record(
      at: keys.states.key(number), because: "it is the state of checkpoint \(number) of timeline \"\(name)\"")
    let info = information(number, record)
    return Checkpoint(
      info: info,
      state: try PayloadCoding.decode(
        State.self, from: state.payload, of: .checkpoint(timeline: name, info.id)))
  }

  private func information(_ number: UInt64, _ record: CheckpointRecord) -> CheckpointInfo {
    CheckpointInfo(
      timeline: name, id: CheckpointID(rawValue: number),
      parent: record.parent.map(CheckpointID.init(rawValue:)),
      step: Int(record.step), time: record.time, tags: record.tags, metadataBytes: record.metadata)
  }
}
