import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A process dies, and the power goes while the next one is opening the store: what the first had handed to
/// the operating system was there for the second to read, and need not be there for the third.
@Suite struct OpeningCrashTests {
  @Test func thePowerGoesWhileAnUnsynchronizedCommitIsCarriedOver() throws {
    let operations = try operationsOfOpening()
    for operation in 1...operations {
      for seed in UInt64(0)..<24 {
        for model in [CrashModel.ordered, .strict] {
          let disk = try diskOfDeadProcess()
          disk.setFaultPlan(.powerCut(atOperation: operation, seed: seed))
          // What comes last, letting go of the old log, may fail without a word.
          _ = try? Engine.open(at: "/store", environment: .simulated(disk, seed: 2))
          let after = disk.crash(model, seed: seed)
          let place = "operation \(operation), seed \(seed), \(model)"
          do {
            let engine = try Engine.open(at: "/store", environment: .simulated(after, seed: 3))
            let keys = try engine.read { try $0.entries(in: .all).map(\.key) }
            #expect(keys.starts(with: [[1]]), "\(place)")
            try engine.close()
          } catch {
            Issue.record("\(place): \(error)")
            return
          }
        }
      }
    }
  }

  /// A store with one durable commit and one that only the system's cache has; nobody holds its lock.
  private func diskOfDeadProcess() throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    try engine.write { try $0.set([1], to: [1]) }
    try engine.write(.buffered) { try $0.set([2], to: [2]) }
    // A failed write keeps the engine from ever synchronizing again, which is as good as dead.
    disk.setFaultPlan(FaultPlan([.init(.write, isSticky: true)]))
    #expect(throws: StorageError.self) { try engine.write(.buffered) { try $0.set([3], to: [3]) } }
    #expect(throws: StorageError.self) { try engine.close() }
    disk.setFaultPlan(FaultPlan())
    return disk
  }

  private func operationsOfOpening() throws -> Int {
    let disk = try diskOfDeadProcess()
    let before = disk.operationCount
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 2))
    let count = disk.operationCount - before
    let keys = try engine.read { try $0.entries(in: .all).map(\.key) }
    #expect(keys.starts(with: [[1], [2]]))
    try engine.close()
    return count
  }
}
