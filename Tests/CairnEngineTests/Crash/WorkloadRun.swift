// A workload on an engine, with an account of what was promised.

import CairnEngine
import CairnKV
import CairnTesting

/// How far a workload came before it ended or the disk failed, and what it had been promised by then.
struct WorkloadRun {
  /// How far it came. Somebody else may look while it runs.
  final class Progress: @unchecked Sendable {
    // Written and read by the thread that runs the workload.
    /// Commits that were begun.
    fileprivate(set) var issued = 0
    /// Commits that returned, buffered ones too.
    fileprivate(set) var acknowledged = 0
    /// Commits that were promised to survive a power cut.
    fileprivate(set) var durable = 0
  }

  let progress = Progress()
  private(set) var issued: Int {
    get { progress.issued }
    nonmutating set { progress.issued = newValue }
  }
  private(set) var acknowledged: Int {
    get { progress.acknowledged }
    nonmutating set { progress.acknowledged = newValue }
  }
  private(set) var durable: Int {
    get { progress.durable }
    nonmutating set { progress.durable = newValue }
  }
  /// What made it end early.
  private(set) var failure: StorageError?
  /// What was wrong although nothing failed.
  private(set) var complaints: [String] = []

  let path: String
  let options: EngineOptions
  let history: History

  init(path: String, options: EngineOptions, history: History) {
    self.path = path
    self.options = options
    self.history = history
  }

  /// Runs the steps until the end or the first failure, and lets go of the engine without closing it unless
  /// `closing`.
  /// - Parameter checking: Whether the content is compared with the model after every commit.
  /// - Parameter surviving: Whether reads must go on after a failure, and writes be refused after one that
  ///   left it unknown what is on the disk.
  mutating func run(
    _ workload: Workload, in environment: Environment, closing: Bool = false, checking: Bool = false,
    surviving: Bool = false, afterStep: () -> Void = {}
  ) {
    var engine: Engine?
    do {
      engine = try Engine.open(at: path, options: options, environment: environment)
      var held: (snapshot: EngineSnapshot, prefix: Int)?
      var ordered: (snapshot: EngineSnapshot, prefix: Int)?
      for step in workload.steps {
        switch step {
        case .commit(let commit): try make(commit, on: engine)
        case .quiet: (environment.scheduler as? ManualScheduler)?.advance(byMilliseconds: 60_000)
        case .reopen:
          held = nil
          ordered = nil
          try engine?.close()
          durable = acknowledged
          engine = nil
          engine = try Engine.open(at: path, options: options, environment: environment)
        case .flush(let keepingLogFiles):
          try engine?.flush(keepingLogFiles: keepingLogFiles)
          durable = acknowledged
        case .hold: ordered = try engine.map { (try $0.snapshot(), acknowledged) }
        case .release:
          if let ordered { try complain(history.complaint(about: ordered.snapshot, at: ordered.prefix)) }
          ordered = nil
        }
        if checking, let engine {
          try complain(history.complaint(about: engine.snapshot(), at: acknowledged))
          // A snapshot that is held through flushes and compactions goes on seeing what it saw.
          if let held { try complain(history.complaint(about: held.snapshot, at: held.prefix)) }
          if acknowledged % 12 == 1 { held = (try engine.snapshot(), acknowledged) }
        }
        afterStep()
      }
      held = nil
      ordered = nil
      if closing {
        try engine?.close()
        durable = acknowledged
      }
    } catch let error as StorageError {
      failure = error
      if surviving, let engine { survive(engine, error) }
    } catch {
      complaints.append("an error of another type: \(error)")
    }
  }

  private mutating func make(_ commit: Commit, on engine: Engine?) throws {
    guard let engine else { return }
    issued += 1
    let (position, complaint) = try engine.perform(commit)
    complain(complaint)
    if position != history.position(ofCommit: acknowledged) {
      complaints.append("commit \(acknowledged) is at \(String(describing: position))")
    }
    acknowledged += 1
    if commit.durability == .durable { durable = acknowledged }
  }

  private mutating func survive(_ engine: Engine, _ failure: StorageError) {
    if let snapshot = try? engine.snapshot() {
      do throws(StorageError) {
        complain(try history.complaint(about: snapshot, at: acknowledged))
      } catch {
        complaints.append("a read after a failure: \(error)")
      }
    }
    guard [.outcomeUnknown, .storageFailed].contains(failure.code) else { return }
    do {
      _ = try engine.perform(Commit(writes: [.set([0], [0])]))
      complaints.append("a write after a failure is accepted")
    } catch let error as StorageError {
      if ![.storageFailed, .closed].contains(error.code) {
        complaints.append("a write after a failure gives \(error)")
      }
    } catch {
      complaints.append("an error of another type: \(error)")
    }
  }

  private mutating func complain(_ complaint: String?) {
    if let complaint { complaints.append(complaint) }
  }
}
