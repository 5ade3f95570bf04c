// One life of a workload: from its start on what there is to its end, be it its own or a mishap's.

import CairnEngine

/// What there is between two lives: a disk, a clock, and what happened outside.
struct Aftermath: Sendable {
  /// The disk as the life has left it. Nobody works on it any more; what is begun on, is a copy.
  var fileSystem = SimulatedFileSystem()
  var facts = SimulationFacts()
  var wallMicroseconds = SimulatedTime().wallMicroseconds()
  var monotonicNanoseconds = SimulatedTime().monotonicNanoseconds()

  /// The disk and the clock that the next life finds.
  func restart(
    _ model: CrashModel, seed: UInt64, after microseconds: UInt32
  ) -> (SimulatedFileSystem, SimulatedTime) {
    let time = SimulatedTime(wallMicroseconds: wallMicroseconds, monotonicNanoseconds: monotonicNanoseconds)
    time.advance(byMicroseconds: microseconds)
    switch model {
    case .kill: return (fileSystem.afterProcessDeath(), time)
    case .ordered, .strict:
      time.restartMachine()
      return (fileSystem.crash(model, seed: seed), time)
    }
  }
}

/// How a life went.
struct SimulatedLife: Sendable {
  /// How it ended.
  enum Ending: Sendable {
    /// The workload returned.
    case completed
    /// The mishap ended it.
    case struck
    /// The workload threw, and nothing had befallen it.
    case failed(any Error)
    /// It went on and on.
    case endless
  }

  var ending: Ending
  var aftermath: Aftermath
  /// All its operations.
  var operations: [RecordedOperation]
  /// The last of them, for people.
  var trace: [String]

  /// Lets a workload live on a disk of its own until it ends.
  /// - Parameters:
  ///   - fileSystem: What it finds. It is given up to the workload.
  ///   - mishap: What befalls it.
  ///   - seed: Decides what the mishap leaves, and the life's randomness.
  static func run(
    _ workload: @escaping Simulation.Workload, on fileSystem: SimulatedFileSystem, time: SimulatedTime,
    facts: SimulationFacts, mishap: Mishap?, seed: UInt64, operationLimit: Int
  ) async -> SimulatedLife {
    let world = SimulatedWorld(fileSystem, facts: facts, time: time, seed: seed)
    let faultSeed = seed ^ (mishap?.strikeSalt ?? 0)
    fileSystem.setFaultPlan(
      mishap?.plan(limit: operationLimit, seed: faultSeed)
        ?? FaultPlan(powerCutAtOperation: operationLimit, powerCutMoment: .before))
    fileSystem.startRecording()
    let executor = SerialTaskExecutor(seed: seed)
    let task = Task(executorPreference: executor) { try await workload(world) }
    fileSystem.whenPowerGoes { task.cancel() }
    executor.begin()
    let result = await withTaskCancellationHandler {
      await task.result
    } onCancel: {
      task.cancel()
    }
    fileSystem.whenPowerGoes(nil)
    return SimulatedLife(
      ending: ending(result, fileSystem, mishap, operationLimit),
      aftermath: Aftermath(
        fileSystem: fileSystem, facts: world.facts, wallMicroseconds: time.wallMicroseconds(),
        monotonicNanoseconds: time.monotonicNanoseconds()),
      operations: fileSystem.recording, trace: fileSystem.trace)
  }

  /// What it was that ended it. What a workload throws or returns once the machine has stopped is its own affair.
  private static func ending(
    _ result: Result<Void, any Error>, _ fileSystem: SimulatedFileSystem, _ mishap: Mishap?, _ limit: Int
  ) -> Ending {
    if fileSystem.isPowerOff {
      if case .crash(let at, _, _, _)? = mishap, at <= limit { return .struck }
      // Who tries again on a disk that is full does well to; somebody kills it in the end.
      return fileSystem.metFaultCount > 0 ? .struck : .endless
    }
    if fileSystem.metFaultCount > 0 { return .struck }
    switch result {
    case .success: return .completed
    case .failure(let error): return .failed(error)
    }
  }
}
