import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// What readers take without waiting for each other: the current state, and a segment's reader.
@Suite struct CurrentStateTests {
  private static func state(_ number: UInt64) -> ReadState {
    ReadState(
      active: Memtable(oldestLog: number, firstChunkBytes: 64), sealed: [],
      version: Version(levels: Array(repeating: [], count: VersionEdit.levelCount)),
      emptyRanges: EmptyRanges())
  }

  /// A number that is published with a state is seen with it, never with the one before or after.
  @Test func whatIsPublishedWithAStateIsSeenWithIt() {
    let current = CurrentState(Self.state(0))
    let published = Atomic<UInt64>(0)
    let wrong = Atomic<Int>(0)
    let isDone = Atomic<Bool>(false)
    let scheduler = ThreadScheduler()
    let readers = (0..<4).map { scheduler.makeQueue(label: "reader-\($0)") }
    for reader in readers {
      reader.submit {
        while !isDone.load(ordering: .relaxed) {
          let (reference, seen) = current.withReference { ($0, published.load(ordering: .acquiring)) }
          if reference.state.active.oldestLog != seen { wrong.add(1, ordering: .relaxed) }
        }
      }
    }
    for number in 1...300 as ClosedRange<UInt64> {
      let former = current.change { _ in
        published.store(number, ordering: .releasing)
        // Long enough that a reader who is not kept out comes in between.
        for _ in 0..<20_000 { wrong.add(0, ordering: .relaxed) }
        return Self.state(number)
      }
      if former.active.oldestLog != number - 1 { wrong.add(1, ordering: .relaxed) }
    }
    isDone.store(true, ordering: .relaxed)
    for reader in readers { reader.drainAndStop() }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(current.withReference { $0 }.state.active.oldestLog == 300)
  }

  @Test func formerStatesGo() {
    let current = CurrentState(Self.state(0))
    weak let former = current.withReference { $0 }.state
    #expect(former != nil)
    _ = current.change { _ in Self.state(1) }
    #expect(former == nil)
  }

  @Test func aSlotIsNotEmptiedWhileItIsRead() throws {
    let model = SegmentModel(entries: [
      ModelEntry(key: [1], trailer: EntryTrailer(sequence: 1, kind: .value), value: [2])
    ])
    let bytes = try model.bytes()
    let slot = SegmentSlot()
    #expect(!slot.withReader { _ in })
    #expect(slot.empty() == nil)
    _ = try slot.fill { () throws(StorageError) in
      do { return try SegmentReader(bytes) } catch { throw StorageError(.internalInconsistency, "\(error)") }
    }
    // The gates of lanes before that of the reader were closed by then, and have to be open again.
    for reading in 0..<Lanes<Atomic<Int>>.count {
      let isRead = slot.withReader(lane: reading) { _ in #expect(slot.empty() == nil) }
      #expect(isRead)
      for lane in 0..<Lanes<Atomic<Int>>.count { #expect(slot.withReader(lane: lane) { _ in }) }
    }
    #expect(slot.empty() != nil)
    #expect(slot.reader == nil)
  }
}
