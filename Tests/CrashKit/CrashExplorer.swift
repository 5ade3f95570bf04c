// One run of a workload, every moment of it, and the disks that a crash at that moment may leave: each is opened with the
// real code and judged, and so are those that a crash of such an opening may leave, and of that one's.

package import CairnTesting

/// Explores what crashes of a workload leave.
package struct CrashExplorer {
  /// What was looked at, and what was wrong.
  package struct Findings: Sendable {
    /// Moments, once for each model of a power cut.
    package var moments = 0
    /// Those of which every disk there can be was looked at.
    package var exhaustedMoments = 0
    /// Different disks that a crash of the workload leaves.
    package var states = 0
    /// Different disks that a crash of a recovery leaves.
    package var recoveries = 0
    /// Of these, those that the crash of a recovery's recovery leaves.
    package var deepest = 0
    /// Moments of recoveries, once for each model of a power cut, where these were to be exhausted; and those that were.
    package var recoveryMoments = 0
    package var exhaustedRecoveryMoments = 0
    package var failures: [CrashFailure] = []
  }

  /// After so many failures nobody reads on.
  private static let greatestFailureCount = 3
  /// How many disks of one recovery are looked at, so that many recoveries are.
  private static let statesPerRecovery = 24
  private static let greatestDepth = 3
  /// Beyond so many disks for each moment and model there is little that is new.
  private static let greatestLimit = 4096
  private static let leastTellingLimit = 16
  /// Of a workload that has no more moments all recoveries are crashed in every way, where the effort allows as many.
  private static let momentsOfSmallWorkload = 40
  private static let recoveriesOfSmallWorkload = 1000
  private static let choicesOfSmallWorkload = 512

  private let workload: any CrashWorkload
  private let steps: [Int]
  private let effort: CrashEffort
  private var generator: SeededGenerator
  /// Disks by their fingerprints.
  private var states: Set<UInt64> = []
  private var recoveries: Set<UInt64> = []
  private var judged: Set<JudgedDisk> = []
  /// How many times it was a recovery's turn.
  private var recoveryTurns = 0
  private var exhaustsRecoveries = false
  private var isShrinking: Bool
  package private(set) var findings = Findings()

  package init(_ workload: any CrashWorkload, _ effort: CrashEffort = .chosen, steps: [Int]? = nil) {
    self.workload = workload
    self.steps = steps ?? workload.allSteps
    self.effort = effort
    isShrinking = effort.shrinkLimit > 0
    generator = SeededGenerator(seed: effort.seed)
  }

  /// An exploration that takes a failure as it is.
  static func plain(_ workload: any CrashWorkload, _ effort: CrashEffort, steps: [Int]) -> CrashExplorer {
    var explorer = CrashExplorer(workload, effort, steps: steps)
    explorer.isShrinking = false
    return explorer
  }

  private var isOver: Bool { findings.failures.count >= (isShrinking ? Self.greatestFailureCount : 1) }

  /// Looks at as many disks as the effort has it, or at all there are.
  package mutating func explore() async -> Findings {
    let run = await CrashScenes.ofRun(workload, steps)
    let wrong = run.complaints + (run.failure.map { ["\($0)"] } ?? [])
    guard wrong.isEmpty else {
      await fail(
        CrashCase(workload: workload.name, steps: steps, crashes: []), wrong, losses: "nothing fails")
      return findings
    }
    var places = run.all.flatMap { scene in CrashModel.allCases.map { (scene, $0) } }
    findings.moments = places.count { $0.1 != .kill }
    exhaustsRecoveries =
      run.all.count <= Self.momentsOfSmallWorkload && effort.recoveries >= Self.recoveriesOfSmallWorkload
    var limit = max(2, effort.states / max(1, places.count))
    while !places.isEmpty, limit <= Self.greatestLimit, states.count < effort.states, !isOver {
      places.shuffle(using: &generator)
      var left: [(CrashScene, CrashModel)] = []
      for (scene, model) in places {
        if states.count >= effort.states || isOver { break }
        let before = states.count
        if await explore(scene, model, limit: limit) {
          if model != .kill { findings.exhaustedMoments += 1 }
        } else if limit < Self.leastTellingLimit || states.count > before {
          // Where so many choices gave no other disk, more of them hardly will.
          left.append((scene, model))
        }
      }
      places = left
      limit *= 4
    }
    return findings
  }

  /// - Returns: whether these are all disks that there can be.
  private mutating func explore(_ scene: CrashScene, _ model: CrashModel, limit: Int) async -> Bool {
    let (choices, isExhaustive) = scene.moment.choices(model, limit: limit, seed: generator.next())
    for choice in choices {
      if isOver || states.count >= effort.states { return false }
      let crash = CrashCase.Crash(operation: scene.moment.operation, choice: choice)
      let isNew = await examine(scene, crash, [])
      if isNew, isRecoverysTurn { await exploreRecovery(scene, crash) }
    }
    return isExhaustive
  }

  /// Recoveries are looked at in proportion.
  private var isRecoverysTurn: Bool {
    exhaustsRecoveries
      || (recoveries.count < effort.recoveries
        && recoveries.count * effort.states <= effort.recoveries * states.count)
  }

  /// Judges one disk, unless it was judged before by the same bounds.
  /// - Parameter before: the crashes before, if it is a recovery that crashes.
  /// - Returns: whether the disk is another one than all before.
  private mutating func examine(
    _ scene: CrashScene, _ crash: CrashCase.Crash, _ before: [CrashCase.Crash]
  ) async -> Bool {
    let disk = scene.moment.disk(after: crash.choice)
    let fingerprint = disk.fingerprint
    let isNew: Bool
    if before.isEmpty {
      isNew = states.insert(fingerprint).inserted
      findings.states = states.count
    } else {
      isNew = recoveries.insert(fingerprint).inserted
      findings.recoveries = recoveries.count
      if isNew && before.count > 1 { findings.deepest += 1 }
    }
    let bounds = scene.bounds(after: crash.choice)
    guard judged.insert(JudgedDisk(disk: fingerprint, bounds: bounds)).inserted else { return isNew }
    let verdict = await workload.judge(disk, steps, bounds)
    if !verdict.complaints.isEmpty {
      await fail(
        CrashCase(workload: workload.name, steps: steps, crashes: before + [crash]), verdict.complaints,
        losses: scene.moment.losses(of: crash.choice))
    }
    return isNew
  }

  /// Crashes the recovery of what a crash has left: of what is settled, and now and then of what a process left that died
  /// while the machine goes on.
  private mutating func exploreRecovery(_ scene: CrashScene, _ crash: CrashCase.Crash) async {
    recoveryTurns += 1
    if recoveryTurns % 3 == 0 {
      let death = CrashCase.Crash(operation: scene.moment.operation, choice: .death)
      await exploreRecovery(of: scene.moment.disk(after: .death), scene.promise, [death])
    }
    if exhaustsRecoveries || recoveryTurns % 3 != 0,
      let promise = await workload.promise(of: scene, crash, steps)
    {
      await exploreRecovery(of: scene.moment.disk(after: crash.choice), promise, [crash])
    }
  }

  private mutating func exploreRecovery(
    of disk: SimulatedFileSystem, _ promise: CrashPromise, _ before: [CrashCase.Crash]
  ) async {
    let recovery = await CrashScenes.ofRecovery(workload, on: disk, promise)
    if let failure = recovery.failure {
      await fail(
        CrashCase(workload: workload.name, steps: steps, crashes: before), ["it does not open: \(failure)"],
        losses: "the power does not go")
      return
    }
    if exhaustsRecoveries, before.count == 1 {
      for scene in recovery.all { await exhaust(scene, before) }
      return
    }
    let goal = recoveries.count + min(Self.statesPerRecovery, effort.recoveries)
    for scene in recovery.all.shuffled(using: &generator) {
      let model = generator.chance(1, in: 2) ? CrashModel.strict : .ordered
      for choice in scene.moment.choices(model, limit: 4, seed: generator.next()).choices {
        if isOver || recoveries.count >= goal { return }
        let crash = CrashCase.Crash(operation: scene.moment.operation, choice: choice)
        let isNew = await examine(scene, crash, before)
        if isNew, before.count + 1 < Self.greatestDepth, generator.chance(1, in: 24),
          let promise = await workload.promise(of: scene, crash, steps)
        {
          await exploreRecovery(of: scene.moment.disk(after: choice), promise, before + [crash])
        }
      }
    }
  }

  private mutating func exhaust(_ scene: CrashScene, _ before: [CrashCase.Crash]) async {
    for model in [CrashModel.strict, .ordered] {
      let (choices, isExhaustive) = scene.moment.choices(
        model, limit: Self.choicesOfSmallWorkload, seed: generator.next())
      findings.recoveryMoments += 1
      if isExhaustive { findings.exhaustedRecoveryMoments += 1 }
      for choice in choices where !isOver {
        let crash = CrashCase.Crash(operation: scene.moment.operation, choice: choice)
        let isNew = await examine(scene, crash, before)
        if isNew, generator.chance(1, in: 24), let promise = await workload.promise(of: scene, crash, steps) {
          await exploreRecovery(of: scene.moment.disk(after: choice), promise, before + [crash])
        }
      }
    }
  }

  private mutating func fail(_ found: CrashCase, _ complaints: [String], losses: String) async {
    let failure = CrashFailure(found: found, complaints: complaints, losses: losses)
    if isShrinking {
      var shrinking = CrashShrinking(workload, effort, failure)
      findings.failures.append(await shrinking.run())
    } else {
      findings.failures.append(failure)
    }
  }
}

extension CrashChoice {
  package var isPowerCut: Bool {
    if case .power = self { true } else { false }
  }
}

extension CrashWorkload {
  /// What the recovery of a crash must find when it is crashed in its turn: what it finds when it is not, for what a
  /// first crash has left is durable.
  func promise(of scene: CrashScene, _ crash: CrashCase.Crash, _ steps: [Int]) async -> CrashPromise? {
    if crash.choice == .death { return scene.promise }
    let bounds = scene.bounds(after: crash.choice)
    guard let prefix = await judge(scene.moment.disk(after: crash.choice), steps, bounds).prefix else {
      return nil
    }
    var promise = scene.promise
    promise.issued = prefix
    promise.acknowledged = prefix
    promise.durable = prefix
    return promise
  }

  /// Runs one case again.
  /// - Returns: what is wrong, and what its last crash loses; `nil` when there is no such moment.
  package func replay(_ wanted: CrashCase) async -> CrashFailure? {
    var scenes = await CrashScenes.ofRun(self, wanted.steps)
    guard let last = wanted.crashes.last else {
      let wrong = scenes.complaints + (scenes.failure.map { ["\($0)"] } ?? [])
      return CrashFailure(found: wanted, complaints: wrong, losses: "nothing fails")
    }
    for (depth, crash) in wanted.crashes.enumerated() {
      guard let scene = scenes.all.first(where: { $0.moment.operation == crash.operation }) else {
        return nil
      }
      if depth == wanted.crashes.count - 1 && crash.choice != .death {
        let bounds = scene.bounds(after: last.choice)
        let verdict = await judge(scene.moment.disk(after: crash.choice), wanted.steps, bounds)
        return CrashFailure(
          found: wanted, complaints: verdict.complaints, losses: scene.moment.losses(of: crash.choice))
      }
      guard let promise = await promise(of: scene, crash, wanted.steps) else { return nil }
      scenes = await CrashScenes.ofRecovery(self, on: scene.moment.disk(after: crash.choice), promise)
    }
    return CrashFailure(
      found: wanted, complaints: scenes.failure.map { ["it does not open: \($0)"] } ?? [], losses: "")
  }
}
