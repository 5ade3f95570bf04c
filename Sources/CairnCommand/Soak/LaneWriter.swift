import CairnEngine
import CairnKV
import Synchronization

/// Makes the commits of one lane, one after the other, and checks what its transactions read.
///
/// The model is locked for as long as the writer runs: it is handed from one run to the next.
final class LaneWriter: Sendable {
  let lane: SoakLane
  private let model: Mutex<SoakModel>
  private let acknowledgements: Acknowledgements

  /// A writer that goes on where `model` is.
  init(_ model: SoakModel, acknowledgements: Acknowledgements) {
    lane = model.lane
    self.model = Mutex(model)
    self.acknowledgements = acknowledgements
  }

  /// What the lane holds. Waits for the writer.
  var current: SoakModel { model.withLock { $0 } }

  /// Writes until told to stop.
  func run(on engine: Engine, until control: SessionControl) throws {
    try model.withLock { model in
      while !control.isStopped {
        let commit = SoakCommit(model.number + 1, of: lane)
        let durability: Durability = commit.isBuffered ? .buffered : .durable
        if commit.isTransaction {
          try engine.transact(durability) { try Self.perform(commit, in: $0, model) }
        } else {
          try engine.write(durability) { try Self.write(commit, into: &$0, lane) }
        }
        try acknowledgements.acknowledge(commit.number, lane: lane.number)
        model.apply(commit)
      }
    }
  }

  /// A batch: what a commit does without reading.
  static func write(_ commit: SoakCommit, into batch: inout WriteBatch, _ lane: SoakLane) throws {
    for operation in commit.operations {
      switch operation {
      case .set(let slot, let stamp):
        try batch.set(lane.key(of: slot), to: lane.value(of: slot, stamp: stamp).bytes)
      case .remove(let slot): try batch.remove(lane.key(of: slot))
      case .removeSlots(let slots): try batch.remove(lane.range(of: slots))
      case .append(let stamp): try batch.set(lane.journalKey, to: lane.journalEntry(stamp))
      case .trimJournal: throw SoakViolation("a trim reads, and so is no batch")
      }
    }
    try batch.set(lane.counterKey, to: SoakCheck.counterValue(commit.number))
  }

  /// A transaction: checks what it reads, and that it sees what it wrote itself.
  static func perform(
    _ commit: SoakCommit, in transaction: any KeyValueTransaction, _ model: SoakModel
  ) throws {
    let lane = model.lane
    let before = SoakCheck(model)
    guard try SoakCheck.commits(of: lane, in: transaction) == model.number else {
      throw before.fail("a transaction sees another counter")
    }
    for slot in commit.reads { try before.check(slot: slot, in: transaction) }
    var after = model
    for operation in commit.operations {
      switch operation {
      case .set(let slot, let stamp):
        try transaction.set(lane.key(of: slot), to: lane.value(of: slot, stamp: stamp).bytes)
      case .remove(let slot): try transaction.remove(lane.key(of: slot))
      case .removeSlots(let slots): try transaction.remove(lane.range(of: slots))
      case .append(let stamp): try transaction.set(lane.journalKey, to: lane.journalEntry(stamp))
      case .trimJournal: try trim(transaction, model)
      }
    }
    try transaction.set(lane.counterKey, to: SoakCheck.counterValue(commit.number))
    after.apply(commit)
    for slot in commit.reads { try SoakCheck(after).check(slot: slot, in: transaction) }
  }

  private static func trim(_ transaction: any KeyValueTransaction, _ model: SoakModel) throws {
    let journal = model.lane.journal.range
    let count = model.trimmedEntries
    let found = try transaction.entries(in: journal, limit: count + 1)
    try SoakCheck(model).checkJournal(found, limit: count + 1)
    guard count > 0, let boundary = found.last else { return }
    try transaction.remove(KeyRange(from: journal.lower, to: boundary.key))
  }
}

extension SoakLane {
  /// The key of what is appended to the journal: the commit's position, once it is known.
  var journalKey: CommitOrderedBytes { Tuple.commitOrdered(journal, addend: 0, Tuple()) }

  func journalEntry(_ stamp: UInt64) -> CommitOrderedBytes {
    CommitOrderedBytes(value(of: Self.journalSlot, stamp: stamp).bytes)
  }
}
