import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Readers wait for nobody: while a commit's leader stands in its sync, every kind of read goes on, and sees
/// what was committed before.
@Suite struct ReaderProgressTests {
  @Test(.timeLimit(.minutes(1))) func readsGoOnWhileTheLeaderSyncs() throws {
    let disk = GatedFileSystem(SimulatedFileSystem())
    let engine = try Engine.open(at: "/store", environment: .threaded(disk))
    try engine.write { try $0.set([1], to: [1]) }
    let before = try engine.snapshot()
    let gate = disk.closeGate()
    let codes = Shared<StorageError.Code?>()
    let queue = ThreadScheduler().makeQueue(label: "writer")
    queue.submit {
      codes.add(
        code {
          try engine.write {
            try $0.set([1], to: [2])
            try $0.set([2], to: [2])
          }
        })
    }
    gate.waitForArrival()
    // A reader that waited for the leader would wait for good: the gate opens after it.
    let expected = [KeyValue(key: [1], value: [1])]
    let during = try engine.snapshot()
    for reader in [before, during] {
      #expect(try reader.get([1]) == [1])
      #expect(try reader.lent([2]) == nil)
      #expect(try reader.entries(in: .all) == expected)
    }
    #expect(try engine.read { try $0.lent([1]) } == [1])
    #expect(try engine.read { try $0.last(in: .all) } == expected.last)
    #expect(try engine.read { try $0.lentEntries(in: .all, .descending) } == expected)
    let read = try engine.transact { try $0.entries(in: .all) }
    #expect(read.value == expected)
    gate.open()
    queue.drainAndStop()
    #expect(codes.all == [nil])
    #expect(try engine.all().count == 2)
    #expect(try during.entries(in: .all) == expected)
    try engine.close()
  }
}
