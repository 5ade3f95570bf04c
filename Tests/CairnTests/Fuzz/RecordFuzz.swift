import CairnKV
import FuzzKit

@testable import Cairn

/// The layer's records: whatever is accepted is the one encoding of its record.
struct RecordFuzz: FuzzTarget {
  static let name = "record"
  static let share = 30
  private typealias Reading = @Sendable ([UInt8]) throws(StoreError) -> [UInt8]?
  private let kinds: [(seed: [UInt8], read: Reading)]

  init() throws {
    kinds = [
      Self.kind(Layout()), Self.kind(SequenceHead(last: 42)), Self.kind(StateRecord(payload: [0xA0])),
      Self.kind(
        CheckpointRecord(
          parent: 1, step: -1, time: Timestamp(microseconds: 256), tags: ["a": "x", "b": "", "aa": "ä"],
          metadata: [1])),
      Self.kind(
        CheckpointRecord(
          parent: nil, step: 70_000, time: Timestamp(microseconds: 0), tags: [:], metadata: nil)),
      Self.kind(OrderedEventRecord(journal: "audit", version: 300)), Self.kind(OnceRecord(versions: 3..<9)),
      (
        EventRecord.Pending(addend: 0, time: Timestamp(microseconds: 5), payload: [0xF5]).encoded()
          .resolved(at: CommitPosition(rawValue: 7)),
        { @Sendable (bytes) throws(StoreError) in
          _ = try EventRecord.Stored(bytes.span.bytes, at: [9])
          return nil
        }
      ),
    ]
  }

  private static func kind<Record: StoredRecord & Sendable>(_ record: Record) -> (
    seed: [UInt8], read: Reading
  ) {
    (
      record.encoded().resolved(at: CommitPosition(rawValue: 7)),
      { @Sendable (bytes) throws(StoreError) in
        let read = try Record(bytes.span.bytes, at: [9])
        if let once = read as? OnceRecord { _ = once.versions }
        return read.encoded().resolved(at: CommitPosition(rawValue: 7))
      }
    )
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let kind = kinds[random.below(kinds.count)]
    var bytes = kind.seed
    Mutation.change(&bytes, with: kinds[random.below(kinds.count)].seed, using: &random)
    do {
      let again = try kind.read(bytes)
      if let again { try demand(again == bytes, "\(bytes) is written as \(again)") }
      return .accepted
    } catch let error as StoreError {
      guard case .damagedRecord(let key, _) = error, key == [9] else { throw FuzzFinding("\(error)") }
      return .rejected
    }
  }
}
