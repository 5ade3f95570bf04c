import CairnKV

/// A part of the store with one writer: the keys below one number, and the seed of what is written there.
///
///     (lane, "counter")             how many commits there were, as 8 bytes, little-endian
///     (lane, "journal", position)   what was appended and not yet trimmed, in commit order
///     (lane, run, slot, padding)    the value of one slot; a run's slots stand together
///
/// The order of the slots' numbers is the order of their keys. Lanes have nothing in common but the store, so
/// that each can be checked by itself, exactly, however their commits are interleaved.
struct SoakLane: Hashable, Sendable {
  /// How many slots a run has.
  static let runSlots = 128
  /// The slot that stands for the journal in values.
  static let journalSlot = -1

  let number: Int
  let seed: UInt64
  /// How many runs there are; at least 2.
  let runs: Int

  /// A lane that holds about `liveBytes` in the long run.
  init(number: Int, seed: UInt64, liveBytes: Int) {
    self.number = number
    self.seed = SoakValue.mix(seed &+ SoakValue.mix(UInt64(number)))
    // About seven slots of eight are taken in the long run.
    runs = max(2, liveBytes / (SoakValue.meanLength * Self.runSlots * 7 / 8))
  }

  var slots: Int { runs * Self.runSlots }

  private var front: TupleElement { .integer(Int64(number)) }

  /// Everything in the lane.
  var range: KeyRange { Tuple(front).range }

  var counterKey: [UInt8] { Tuple(front, "counter").encoded() }

  var journal: Tuple { Tuple(front, "journal") }

  func key(of slot: Int) -> [UInt8] {
    let (run, index) = slot.quotientAndRemainder(dividingBy: Self.runSlots)
    return Tuple(
      front, .integer(Int64(run)), .integer(Int64(index)),
      .string(String(repeating: "k", count: Self.padding(of: slot)))
    ).encoded()
  }

  /// Keys have different lengths: each slot has its own.
  private static func padding(of slot: Int) -> Int { Int(SoakValue.mix(UInt64(slot)) % 40) }

  /// The length of ``key(of:)``, without making it.
  func keyBytes(of slot: Int) -> Int {
    func bytes(_ number: Int) -> Int { 1 + (Int.bitWidth - number.leadingZeroBitCount + 7) / 8 }
    let (run, index) = slot.quotientAndRemainder(dividingBy: Self.runSlots)
    return bytes(number) + bytes(run) + bytes(index) + Self.padding(of: slot) + 2
  }

  func range(ofRun run: Int) -> KeyRange { Tuple(front, .integer(Int64(run))).range }

  /// The keys of some slots.
  func range(of slots: Range<Int>) -> KeyRange {
    KeyRange(from: boundary(slots.lowerBound), to: boundary(slots.upperBound))
  }

  /// The first key that the slot could have.
  private func boundary(_ slot: Int) -> [UInt8] {
    let (run, index) = slot.quotientAndRemainder(dividingBy: Self.runSlots)
    return Tuple(front, .integer(Int64(run)), .integer(Int64(index))).encoded()
  }

  func value(of slot: Int, stamp: UInt64) -> SoakValue { SoakValue(seed: seed, slot: slot, stamp: stamp) }
}
