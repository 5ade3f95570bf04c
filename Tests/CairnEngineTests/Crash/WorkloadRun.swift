// A workload on an engine, with an account of what was promised.

import CairnEngine
import CairnKV
import CairnTesting
import CrashKit

/// How far a workload came before it ended or the disk failed, and what it had been promised by then.
struct WorkloadRun {
  static let backupPath = "/backup"

  let account: CrashAccount
  var issued: Int { account.promise.issued }
  var acknowledged: Int { account.promise.acknowledged }
  var durable: Int { account.promise.durable }
  var complaints: [String] { account.complaints }
  /// What made it end early.
  private(set) var failure: StorageError?

  let path: String
  let options: EngineOptions
  let history: History

  init(path: String, options: EngineOptions, history: History, _ account: CrashAccount = CrashAccount()) {
    self.account = account
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
    surviving: Bool = false, disk: SimulatedFileSystem? = nil, afterStep: () -> Void = {}
  ) {
    var engine: Engine?
    do {
      engine = try Engine.open(at: path, options: options, environment: environment)
      var held: (snapshot: EngineSnapshot, prefix: Int)?
      var wasFull = false
      var ordered: (snapshot: EngineSnapshot, prefix: Int)?
      for step in workload.steps {
        switch step {
        case .commit(let commit) where wasFull: try makeAfterFullDisk(commit, on: &engine, environment)
        case .commit(let commit): try make(commit, on: engine)
        case .commitOnFullDisk(let commit):
          wasFull = true
          try makeOnFullDisk(commit, on: &engine, on: disk, environment)
        case .backup:
          let held = acknowledged
          try engine?.backup(to: Self.backupPath)
          account.settle()
          account.mark(held + 1)
        case .ratchet:
          try engine?.ratchetFormat(to: .newest)
          account.mark(Int(FormatVersion.newest.rawValue))
        case .quiet: (environment.scheduler as? ManualScheduler)?.advance(byMilliseconds: 60_000)
        case .reopen:
          held = nil
          ordered = nil
          try engine?.close()
          account.settle()
          engine = nil
          engine = try Engine.open(at: path, options: options, environment: environment)
        case .flush(let keepingLogFiles):
          try engine?.flush(keepingLogFiles: keepingLogFiles)
          account.settle()
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
        account.settle()
      }
    } catch let error as StorageError {
      failure = error
      if surviving, let engine { survive(engine, error, on: disk) }
    } catch {
      complain("an error of another type: \(error)")
    }
  }

  private func make(_ commit: Commit, on engine: Engine?) throws {
    guard let engine else { return }
    account.begin()
    let (position, complaint) = try engine.perform(commit)
    complain(complaint)
    if position != history.position(ofCommit: acknowledged) {
      complain("commit \(acknowledged) is at \(String(describing: position))")
    }
    account.acknowledge(isDurable: commit.durability == .durable)
  }

  /// A commit that finds no space is refused, and nothing else is lost. Once there is space it succeeds: at once, or, where
  /// the store could not tell what had reached the disk, after it was opened anew.
  private func makeOnFullDisk(
    _ commit: Commit, on engine: inout Engine?, on disk: SimulatedFileSystem?, _ environment: Environment
  ) throws {
    disk?.setFull(true)
    do {
      defer { disk?.setFull(false) }
      return try make(commit, on: engine)
    } catch let error as StorageError {
      guard [.full, .outcomeUnknown, .storageFailed].contains(error.code) else { throw error }
      if error.code != .outcomeUnknown { account.withdraw() }
      if error.code != .full, try reopen(&engine, environment, after: error) { return }
    }
    try makeAfterFullDisk(commit, on: &engine, environment)
  }

  /// What the store did in the background while the disk was full may only be known now.
  private func makeAfterFullDisk(
    _ commit: Commit, on engine: inout Engine?, _ environment: Environment
  ) throws {
    do {
      return try make(commit, on: engine)
    } catch let error as StorageError {
      guard error.code == .storageFailed || error.code == .full else { throw error }
      account.withdraw()
      _ = try reopen(&engine, environment, after: error)
    }
    try make(commit, on: engine)
  }

  /// Opens the store anew.
  /// - Returns: whether the commit is there whose outcome was unknown; then it is acknowledged now.
  private func reopen(
    _ engine: inout Engine?, _ environment: Environment, after error: StorageError
  ) throws -> Bool {
    try? engine?.close()
    engine = nil
    guard let opened = try? Engine.open(at: path, options: options, environment: environment) else {
      throw error
    }
    engine = opened
    guard error.code == .outcomeUnknown else { return false }
    if try opened.snapshot().position.rawValue == history.sequences[issued] {
      account.acknowledge(isDurable: true)
      return true
    }
    account.withdraw()
    return false
  }

  private func survive(_ engine: Engine, _ failure: StorageError, on disk: SimulatedFileSystem?) {
    let met = disk?.metFaultCount
    if let snapshot = try? engine.snapshot() {
      do throws(StorageError) {
        complain(try history.complaint(about: snapshot, at: acknowledged))
      } catch {
        // Unless it is the one that fails now.
        if disk?.metFaultCount == met { complain("a read after a failure: \(error)") }
      }
    }
    guard [.outcomeUnknown, .storageFailed].contains(failure.code) else { return }
    do {
      _ = try engine.perform(Commit(writes: [.set([0], [0])]))
      complain("a write after a failure is accepted")
    } catch let error as StorageError {
      if ![.storageFailed, .closed].contains(error.code) {
        complain("a write after a failure gives \(error)")
      }
    } catch {
      complain("an error of another type: \(error)")
    }
  }

  private func complain(_ complaint: String?) { account.complain(complaint) }
}
