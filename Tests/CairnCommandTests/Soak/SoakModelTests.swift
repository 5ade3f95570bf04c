import CairnKV
import CairnTesting
import Testing

@testable import CairnCommand

@Suite struct SoakModelTests {
  private let lane = SoakLane(number: 1, seed: 7, liveBytes: 4 << 20)

  @Test func aCommitFollowsFromSeedAndNumber() {
    let other = SoakLane(number: 1, seed: 8, liveBytes: 4 << 20)
    var differing = 0
    for number in 1...2000 as ClosedRange<UInt64> {
      #expect(SoakCommit(number, of: lane) == SoakCommit(number, of: lane))
      if SoakCommit(number, of: lane) != SoakCommit(number, of: other) { differing += 1 }
    }
    #expect(differing > 1900)
  }

  @Test func everyKindOfCommitComesAndStaysWithinTheLane() {
    var kinds: Set<String> = []
    var strays = 0
    for number in 1...60_000 as ClosedRange<UInt64> {
      let commit = SoakCommit(number, of: lane)
      if commit.operations.isEmpty || commit.operations.count > 255 { strays += 1 }
      if commit.isTransaction { kinds.insert("transaction") }
      if commit.isBuffered { kinds.insert("buffered") }
      if commit.operations.count > 1 { kinds.insert("batch") }
      strays += commit.reads.count { !lane.contains($0) }
      for operation in commit.operations {
        switch operation {
        case .set(let slot, _):
          kinds.insert("set")
          if !lane.contains(slot) { strays += 1 }
        case .remove(let slot):
          kinds.insert("remove")
          if !lane.contains(slot) { strays += 1 }
        case .removeSlots(let slots):
          kinds.insert(
            slots.count == lane.slots / 2
              ? "half" : slots.count == SoakLane.runSlots ? "run" : "part of a run")
          if slots.isEmpty || slots.lowerBound < 0 || slots.upperBound > lane.slots { strays += 1 }
        case .append: kinds.insert("append")
        case .trimJournal: kinds.insert("trim")
        }
      }
    }
    #expect(strays == 0)
    #expect(
      kinds == [
        "transaction", "buffered", "batch", "set", "remove", "half", "run", "part of a run", "append", "trim",
      ])
  }

  @Test func keysAreInTheOrderOfTheirSlots() {
    let keys = (0..<lane.slots).map { lane.key(of: $0) }
    for (slot, key) in keys.enumerated() {
      #expect(key.count == lane.keyBytes(of: slot))
      #expect(lane.range.contains(key) && lane.range(of: slot..<slot + 1).contains(key))
      #expect(!lane.range(of: slot + 1..<lane.slots).contains(key))
      #expect(lane.range(ofRun: slot / SoakLane.runSlots).contains(key))
    }
    for (key, next) in zip(keys, keys.dropFirst()) { #expect(key.lexicographicallyPrecedes(next)) }
    #expect(!lane.range.contains(SoakLane(number: 2, seed: 7, liveBytes: 1).counterKey))
  }

  @Test func modelsOfTheSameCommitAreTheSameHoweverReached() {
    var stepwise = SoakModel(lane)
    for number in stride(from: 0, to: 5000, by: 37) as StrideTo<UInt64> { stepwise.advance(to: number) }
    stepwise.advance(to: 5000)
    var direct = SoakModel(lane)
    direct.advance(to: 5000)
    #expect(stepwise == direct)
    stepwise.advance(to: 10)
    #expect(stepwise == direct)
  }

  @Test func liveBytesAreWhatAStoreHolds() async throws {
    let (store, model) = try await SoakStore.filled(commits: 3000, seed: 11)
    let contents = try store.contents()
    #expect(contents.reduce(0) { $0 + UInt64($1.key.count + $1.value.count) } == model.liveBytes)
    #expect(model.writtenBytes > model.liveBytes)
  }

  @Test func valuesFollowFromTheirStamps() {
    var lengths = 0
    for stamp in 1...20_000 as ClosedRange<UInt64> {
      let length = lane.value(of: 3, stamp: stamp).length
      #expect(SoakValue.smallBytes.contains(length) || (2048...4 << 20).contains(length))
      lengths += length
    }
    // Some 200 of these values are large, so that their mean is not far from the computed one.
    let mean = lengths / 20_000
    #expect(abs(mean - SoakValue.meanLength) < SoakValue.meanLength / 3, "\(mean)")
  }

  @Test(arguments: [20, 21, 500, 4096, 70_001])
  func aWrongByteIsFoundWhereItIs(length: Int) {
    let value = SoakValue(seed: 5, slot: 2, stamp: 77, length: length)
    let bytes = value.bytes
    #expect(bytes.count == length)
    #expect(value.stamp(of: bytes) == 77)
    #expect(bytes.withUnsafeBytes { value.firstDifference(in: $0) } == nil)
    for offset in [0, 7, 8, 15, 17, length / 2, length - 1] {
      var wrong = bytes
      wrong[offset] ^= 0x10
      #expect(wrong.withUnsafeBytes { value.firstDifference(in: $0) } == offset)
      let piece = Array(wrong[(offset / 2)...])
      #expect(piece.withUnsafeBytes { value.firstDifference(in: $0, at: offset / 2) } == offset)
    }
    #expect((bytes + [0]).withUnsafeBytes { value.firstDifference(in: $0) } == length)
  }
}

extension SoakLane {
  fileprivate func contains(_ slot: Int) -> Bool { (0..<slots).contains(slot) }
}

/// A lane in a store in memory.
enum SoakStore {
  static func filled(commits: UInt64, seed: UInt64) async throws -> (InMemoryStore, SoakModel) {
    let store = InMemoryStore()
    var model = SoakModel(SoakLane(number: 0, seed: seed, liveBytes: 1))
    while model.number < commits { model = try await next(model, in: store) }
    return (store, model)
  }

  /// Makes the next commit.
  static func next(_ model: SoakModel, in store: InMemoryStore) async throws -> SoakModel {
    let commit = SoakCommit(model.number + 1, of: model.lane)
    _ = try await store.transact(.durable) { try LaneWriter.perform(commit, in: $0, model) }
    var after = model
    after.apply(commit)
    return after
  }
}
