import CairnKV
import FuzzKit

@testable import CairnEngine

/// An edit of the manifest, and what a state makes of it.
struct EditFuzz: FuzzTarget {
  static let name = "edit"
  static let share = 80
  private let edits: [VersionEdit]
  private let payloads: [[UInt8]]
  private let identity = [UInt8](repeating: 7, count: VersionEdit.identityBytes)

  init() throws {
    let store = try HandmadeStore()
    var next = VersionEdit()
    next.addedLogs = [10]
    next.oldestLog = 9
    next.removedSegments = [4, 5]
    next.removedValueFiles = [1]
    if let segment = store.properties(3) {
      var moved = segment
      moved.lowerBound = [0x70]
      moved.upperBound = .unbounded
      moved.fileNumber = 11
      next.addedSegments = [.init(level: 2, properties: moved)]
    }
    if var file = store.edit.addedValueFiles.first {
      file.fileNumber = 12
      file.origins.append(.init(number: 12, recordCount: 1, storedBytes: 100))
      next.addedValueFiles = [file]
      next.addedOrigins = [ValueLiveness(origin: 12, recordCount: 1, storedBytes: 100)].compactMap { $0 }
    }
    next.valueDrops = [ValueDrops(origin: 1, [store.handles[0]])].compactMap { $0 }
    next.lastSequence = 60
    next.nextFileNumber = 13
    next.logEnd = .init(number: 10, offset: 8192, checksum: 5)
    edits = [store.edit, next]
    // Whole edits, and single fields to put together anew.
    var fields: [[UInt8]] = []
    for edit in edits {
      var part = VersionEdit()
      part.addedSegments = edit.addedSegments
      fields.append(part.encoded())
      part = VersionEdit()
      part.addedValueFiles = edit.addedValueFiles
      part.addedOrigins = edit.addedOrigins
      fields.append(part.encoded())
      part = VersionEdit()
      part.addedLogs = edit.addedLogs
      part.removedSegments = edit.removedSegments
      part.valueDrops = edit.valueDrops
      fields.append(part.encoded())
    }
    payloads = edits.map { $0.encoded() } + fields
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var payload = payloads[random.below(payloads.count)]
    if random.chance(1, in: 4) { payload += payloads[random.below(payloads.count)] }
    if !random.chance(1, in: 8) {
      Mutation.change(&payload, with: payloads[random.below(payloads.count)], using: &random)
    }
    guard let edit = payload.withUnsafeBytes({ VersionEdit(decoding: $0) }) else { return .rejected }
    let again = edit.encoded().withUnsafeBytes { VersionEdit(decoding: $0) }
    try demand(edit == again, "\(edit) is read as \(again.map { "\($0)" } ?? "none")")
    var state = VersionState(
      storeIdentity: identity, formatVersion: random.chance(1, in: 2) ? .one : .newest)
    if random.chance(1, in: 2) { _ = state.apply(edits[0]) }
    guard state.apply(edit) else { return .rejected }
    try demandConsistency(of: state)
    return .accepted
  }

  private func demandConsistency(of state: VersionState) throws(FuzzFinding) {
    for level in state.levels.dropFirst() {
      for (left, right) in zip(level, level.dropFirst()) {
        try demand(!left.overlaps(right), "two segments of a level share a key")
      }
    }
    let segments = state.levels.joined()
    try demand(Set(segments.map(\.fileNumber)).count == segments.count, "a segment is listed twice")
    try demand(zip(state.logs, state.logs.dropFirst()).allSatisfy { $0 < $1 }, "logs do not ascend")
    for file in state.values.files.values { _ = state.values.liveBytes(of: file) }
    // The state as one edit is the state again.
    let snapshot = state.snapshotEdit()
    var again = VersionState(storeIdentity: state.storeIdentity, formatVersion: state.formatVersion)
    guard let decoded = snapshot.encoded().withUnsafeBytes({ VersionEdit(decoding: $0) }),
      decoded == snapshot,
      again.apply(decoded)
    else { throw FuzzFinding("the state cannot be written: \(snapshot)") }
    try demand(
      again.levels == state.levels && again.logs == state.logs && again.values == state.values
        && again.lastSequence == state.lastSequence && again.nextFileNumber == state.nextFileNumber
        && again.logEnd == state.logEnd, "the state is read as another: \(snapshot)")
  }
}
