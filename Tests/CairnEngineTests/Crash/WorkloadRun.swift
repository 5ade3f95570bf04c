// A workload on an engine, with an account of what was promised.

import CairnEngine
import CairnKV
import CairnTesting

/// How far a workload came before it ended or the disk failed, and what it had been promised by then.
struct WorkloadRun {
  /// Commits that were begun.
  private(set) var issued = 0
  /// Commits that returned, buffered ones too.
  private(set) var acknowledged = 0
  /// Commits that were promised to survive a power cut.
  private(set) var durable = 0
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
  mutating func run(
    _ workload: Workload, in environment: Environment, closing: Bool = false, checking: Bool = false
  ) {
    do {
      var engine = try Engine.open(at: path, options: options, environment: environment)
      for step in workload.steps {
        switch step {
        case .commit(let commit):
          issued += 1
          let (position, complaint) = try engine.perform(commit)
          if let complaint { complaints.append(complaint) }
          if position != history.position(ofCommit: acknowledged) {
            complaints.append("commit \(acknowledged) is at \(String(describing: position))")
          }
          acknowledged += 1
          if commit.durability == .durable { durable = acknowledged }
          if checking, let complaint = try history.complaint(about: engine.snapshot(), at: acknowledged) {
            complaints.append(complaint)
          }
        case .reopen:
          try engine.close()
          durable = acknowledged
          engine = try Engine.open(at: path, options: options, environment: environment)
        }
      }
      if closing {
        try engine.close()
        durable = acknowledged
      }
    } catch let error as StorageError {
      failure = error
    } catch {
      complaints.append("an error of another type: \(error)")
    }
  }
}
