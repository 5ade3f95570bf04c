import CairnKV

/// What a lane holds after a number of commits: for each slot the stamp of the operation that wrote it.
///
/// Going on by one commit takes some hundred nanoseconds, so that every process and thread keeps models of
/// its own and computes them from the seed, and nothing needs to be handed around.
struct SoakModel: Equatable {
  /// A removal of the oldest journal entries leaves at least so many.
  static let leastJournal = 16

  let lane: SoakLane
  /// How many commits it has gone through.
  private(set) var number: UInt64 = 0
  /// 0 for a slot that is empty.
  private(set) var stamps: [UInt64]
  /// The journal's entries, oldest first.
  private(set) var journal: [UInt64] = []
  /// The keys and values given to commits so far, in bytes.
  private(set) var writtenBytes: UInt64 = 0
  private let counterBytes: UInt64
  private let journalKeyBytes: UInt64

  init(_ lane: SoakLane) {
    self.lane = lane
    counterBytes = UInt64(lane.counterKey.count + 8)
    journalKeyBytes = UInt64(lane.journal.encoded().count + 9)
    stamps = Array(repeating: 0, count: lane.slots)
  }

  /// Goes on until `number` commits are done; never back.
  mutating func advance(to number: UInt64) {
    while self.number < number { apply(SoakCommit(self.number + 1, of: lane)) }
  }

  /// Goes on by the next commit.
  mutating func apply(_ commit: SoakCommit) {
    for operation in commit.operations { apply(operation) }
    number = commit.number
    writtenBytes += counterBytes
  }

  private mutating func apply(_ operation: SoakCommit.Operation) {
    switch operation {
    case .set(let slot, let stamp):
      stamps[slot] = stamp
      writtenBytes += bytes(slot, stamp)
    case .remove(let slot): stamps[slot] = 0
    case .removeSlots(let range): for slot in range { stamps[slot] = 0 }
    case .append(let stamp):
      journal.append(stamp)
      writtenBytes += journalBytes(stamp)
    case .trimJournal: journal.removeFirst(trimmedEntries)
    }
  }

  /// How many entries a trim of the journal takes away now.
  var trimmedEntries: Int { journal.count > Self.leastJournal ? journal.count / 2 : 0 }

  /// The keys and values in the lane, in bytes.
  var liveBytes: UInt64 {
    var total = number == 0 ? 0 : counterBytes
    for (slot, stamp) in stamps.enumerated() where stamp != 0 { total += bytes(slot, stamp) }
    for stamp in journal { total += journalBytes(stamp) }
    return total
  }

  private func bytes(_ slot: Int, _ stamp: UInt64) -> UInt64 {
    UInt64(lane.keyBytes(of: slot) + lane.value(of: slot, stamp: stamp).length)
  }

  private func journalBytes(_ stamp: UInt64) -> UInt64 {
    journalKeyBytes + UInt64(lane.value(of: SoakLane.journalSlot, stamp: stamp).length)
  }

  /// The first slot of a range that is taken, or the last.
  func firstTaken(in slots: Range<Int>) -> Int? { slots.first { stamps[$0] != 0 } }
  func lastTaken(in slots: Range<Int>) -> Int? { slots.last { stamps[$0] != 0 } }
}
