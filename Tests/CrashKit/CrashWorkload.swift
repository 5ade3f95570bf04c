// What is crashed: a list of steps on a simulated disk, with an account of what was promised, and a judgement of what a
// crash has left. Whoever has these gets the explorations of crashes and of faults.

package import CairnKV
package import CairnTesting
import Synchronization

/// A workload whose crashes and failures are explored.
///
/// It does the same every time: whatever is drawn is drawn from a seed of its own.
package protocol CrashWorkload: Sendable {
  /// In lower case, without spaces: it names the case in the line that repeats it.
  var name: String { get }
  /// How many steps it has. Each of them can be left out, to make a failure simpler.
  var stepCount: Int { get }

  /// Opens a store on the disk, does these of its steps, in order, and closes it.
  /// - Throws: what ended it early.
  func run(_ steps: [Int], on disk: SimulatedFileSystem, _ account: CrashAccount) async throws

  /// Opens what a crash has left, and lets it go again as a process that dies does. What it draws is drawn from the disk's
  /// fingerprint, so that no two openings draw the same.
  func recover(_ disk: SimulatedFileSystem) async throws

  /// Judges what a crash has left, or a failure, of a run of these steps: it opens, it holds the state after a number of
  /// commits within the bounds, and what else the workload promises; it takes new commits, and keeps them.
  func judge(_ disk: SimulatedFileSystem, _ steps: [Int], _ bounds: CrashBounds) async -> CrashVerdict

  /// The storage's error behind one that a run has thrown.
  func storageError(_ error: any Error) -> StorageError?
}

/// What had been promised at a moment.
package struct CrashPromise: Hashable, Sendable {
  /// Commits that were begun.
  package var issued = 0
  /// Commits that returned, those without a sync too.
  package var acknowledged = 0
  /// Commits that were promised to survive a power cut.
  package var durable = 0
  /// Whatever else the workload has promised, in its own terms.
  package var mark = 0

  package init() {}

  /// What must be found once the power has gone, or only the process.
  package func bounds(afterPowerCut isPowerCut: Bool) -> CrashBounds {
    CrashBounds(lower: isPowerCut ? durable : acknowledged, upper: issued, mark: mark)
  }
}

/// How many commits must be found.
package struct CrashBounds: Hashable, Sendable {
  package var lower: Int
  package var upper: Int
  package var mark: Int

  package init(lower: Int, upper: Int, mark: Int = 0) {
    self.lower = lower
    self.upper = upper
    self.mark = mark
  }
}

/// What was found.
package struct CrashVerdict: Sendable {
  /// What is wrong.
  package var complaints: [String]
  /// How many commits were found, if that could be told.
  package var prefix: Int?
  /// The error with which the store refused to go on, if that is what is wrong.
  package var refusal: StorageError?

  package init(_ complaints: [String], prefix: Int?, refusal: StorageError? = nil) {
    self.complaints = complaints
    self.prefix = prefix
    self.refusal = refusal
  }
}

/// A disk, by its fingerprint, and what it was held to: judged once.
struct JudgedDisk: Hashable {
  var disk: UInt64
  var bounds: CrashBounds
}

/// The account of a run. Somebody else may look while it runs.
package final class CrashAccount: Sendable {
  private struct State {
    var promise = CrashPromise()
    var complaints: [String] = []
  }

  private let state = Mutex(State())

  package init() {}

  package var promise: CrashPromise { state.withLock { $0.promise } }
  /// What was wrong although nothing failed.
  package var complaints: [String] { state.withLock { $0.complaints } }

  /// A commit begins.
  package func begin() { state.withLock { $0.promise.issued += 1 } }

  /// A commit that was begun and refused is not counted any more.
  package func withdraw() { state.withLock { $0.promise.issued -= 1 } }

  /// A commit has returned.
  package func acknowledge(isDurable: Bool) {
    state.withLock { state in
      state.promise.acknowledged += 1
      if isDurable { state.promise.durable = state.promise.acknowledged }
    }
  }

  /// All that has returned is durable now.
  package func settle() { state.withLock { $0.promise.durable = $0.promise.acknowledged } }

  package func mark(_ mark: Int) { state.withLock { $0.promise.mark = mark } }

  package func complain(_ complaint: String?) {
    if let complaint { state.withLock { $0.complaints.append(complaint) } }
  }
}

extension CrashWorkload {
  package func storageError(_ error: any Error) -> StorageError? { error as? StorageError }

  /// All steps.
  package var allSteps: [Int] { Array(0..<stepCount) }
}
