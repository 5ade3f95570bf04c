// A creation that is cut short leaves no store, or a working one, and never something in between.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct CreationCrashTests {
  @Test func powerCuts() throws {
    let complete = SimulatedFileSystem()
    _ = try Engine.open(at: "/store", environment: .simulated(complete, seed: 1))
    let operations = complete.operationCount
    var states = 0
    for cut in 1...operations {
      for model in CrashModel.allCases {
        for seed in 0..<UInt64(8 * CrashEffort.factor) {
          let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: seed))
          _ = try? Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
          let after = disk.crash(model, seed: seed)
          // The second creation is cut, too, now and then.
          if seed % 2 == 1 {
            after.setFaultPlan(.powerCut(atOperation: 1 + (cut + Int(seed)) % operations, seed: seed))
            _ = try? Engine.open(at: "/store", environment: .simulated(after, seed: 2))
          }
          let last = seed % 2 == 1 ? after.crash(model, seed: seed) : after
          let check = RecoveryCheck(
            path: "/store", options: EngineOptions(), history: History(), lower: 0, upper: 0)
          for complaint in check.run(on: last, seed: seed).complaints {
            Issue.record("creation cut at \(cut), \(model) \(seed): \(complaint)")
          }
          states += 1
        }
      }
    }
    print("crash sweep creation: \(states) states")
  }

  /// The same with a call that fails: the error is reported, and the next attempt works.
  @Test(arguments: [false, true]) func failingCalls(isSticky: Bool) throws {
    let complete = SimulatedFileSystem()
    _ = try Engine.open(at: "/store", environment: .simulated(complete, seed: 1))
    for call in 1...complete.operationCount {
      for cause in [FaultPlan.Cause.inputOutput, .noSpace, .tooManyOpenFiles] {
        let disk = SimulatedFileSystem(
          faultPlan: FaultPlan([.init(nil, occurrence: call, isSticky: isSticky, cause: cause)]))
        do throws(StorageError) {
          let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
          withExtendedLifetime(engine) {}
        } catch {
          #expect(
            [.inputOutput, .full].contains(error.code) && error.file != nil,
            "call \(call), \(cause): \(error)")
        }
        disk.setFaultPlan(FaultPlan())
        let check = RecoveryCheck(
          path: "/store", options: EngineOptions(), history: History(), lower: 0, upper: 0)
        for complaint in check.run(on: disk.crash(.strict, seed: UInt64(call)), seed: 1).complaints {
          Issue.record("call \(call), \(cause), sticky \(isSticky): \(complaint)")
        }
        for complaint in check.run(on: disk, seed: 1).complaints {
          Issue.record("call \(call), \(cause), sticky \(isSticky), same disk: \(complaint)")
        }
      }
    }
  }
}
