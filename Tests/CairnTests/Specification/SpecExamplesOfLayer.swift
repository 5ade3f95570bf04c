import CairnKV
import Testing

@testable import Cairn

/// The examples of the layer in `format-spec.md` are what the code writes.
@Suite struct SpecExamplesOfLayer {
  @Test func tuple() throws {
    let tuple = Tuple([
      .string("journal"), .string("batch-7"), .integer(42), .bytes([0, 1]), .integer(-1),
      .position(CommitPosition(rawValue: 258)),
    ])
    try Specification.check("tuple", tuple.encoded())
  }

  @Test func eventKey() throws {
    try Specification.check("event-key", Keyspace.OfJournal(StoredName("audit")).events.key(3))
  }

  @Test func checkpoint() throws {
    let record = CheckpointRecord(
      parent: nil, step: 10, time: Timestamp(microseconds: 1000), tags: ["cursor": "40"], metadata: nil)
    try Specification.check("checkpoint", record.encoded().bytes)
  }

  @Test func state() throws {
    struct State: Codable {
      let name: String
      let done: [Int]
    }
    try Specification.check("state", CBOREncoder().encode(State(name: "x", done: [1, 2])))
  }
}
