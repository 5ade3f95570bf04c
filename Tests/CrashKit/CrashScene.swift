package import CairnTesting
import Synchronization

/// A moment at which the world could stop, and what had been promised by then.
package struct CrashScene: Sendable {
  package var moment: DiskMoment
  package var promise: CrashPromise
  /// Commits that had returned before the operation that brought the disk to this moment.
  var acknowledgedBefore: Int

  /// What must be found once this is what happened. What only the end of the last write acknowledged need not be there when
  /// that end is missing.
  func bounds(after choice: CrashChoice) -> CrashBounds {
    var bounds = promise.bounds(afterPowerCut: choice.isPowerCut)
    if case .process(_?) = choice { bounds.lower = min(bounds.lower, acknowledgedBefore) }
    return bounds
  }
}

/// All moments of a run, or of a recovery.
package struct CrashScenes: Sendable {
  package var all: [CrashScene] = []
  /// What ended it early.
  package var failure: (any Error)?
  /// What was wrong although nothing failed.
  package var complaints: [String] = []

  /// Those of a run of a workload.
  package static func ofRun(_ workload: any CrashWorkload, _ steps: [Int]) async -> CrashScenes {
    let disk = SimulatedFileSystem()
    let account = CrashAccount()
    let recorder = SceneRecorder(disk) { account.promise }
    var scenes = CrashScenes()
    do { try await workload.run(steps, on: disk, account) } catch { scenes.failure = error }
    scenes.all = recorder.finish()
    scenes.complaints = account.complaints
    return scenes
  }

  /// Those of the opening of what a crash has left, which is to hold what `promise` says.
  package static func ofRecovery(
    _ workload: any CrashWorkload, on disk: SimulatedFileSystem, _ promise: CrashPromise
  ) async -> CrashScenes {
    let recorder = SceneRecorder(disk) { promise }
    var scenes = CrashScenes()
    do { try await workload.recover(disk) } catch { scenes.failure = error }
    scenes.all = recorder.finish()
    // What the opened store showed to its readers must stay.
    if scenes.failure == nil, let last = scenes.all.indices.last {
      scenes.all[last].promise.durable = promise.acknowledged
    }
    return scenes
  }
}

/// Collects the moments of one disk.
private final class SceneRecorder: Sendable {
  private let disk: SimulatedFileSystem
  private let promise: @Sendable () -> CrashPromise
  private let seen = Mutex<[CrashScene]>([])

  init(_ disk: SimulatedFileSystem, _ promise: @escaping @Sendable () -> CrashPromise) {
    self.disk = disk
    self.promise = promise
    disk.setObserver { [self] moment in
      add(moment)
    }
  }

  /// All of them, the one at the end too.
  func finish() -> [CrashScene] {
    disk.setObserver(nil)
    add(disk.moment)
    return seen.withLock { $0 }
  }

  private func add(_ moment: DiskMoment) {
    let promise = promise()
    seen.withLock { seen in
      let before = seen.last?.promise.acknowledged ?? 0
      seen.append(CrashScene(moment: moment, promise: promise, acknowledgedBefore: before))
    }
  }
}
