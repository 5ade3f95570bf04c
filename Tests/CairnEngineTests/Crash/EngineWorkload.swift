import CairnKV
import CairnTesting
import CrashKit

@testable import CairnEngine

/// A workload of an engine, as the explorations see it. Those there are stand in `Workloads`, each in a file of its own.
struct EngineWorkload: CrashWorkload {
  let name: String
  var options = EngineOptions.tiny
  /// Whether time passes in it, when it is quiet.
  var hasTime = false
  /// Lets a test take something out of the file system's promises.
  var wrap: @Sendable (SimulatedFileSystem) -> any FileSystem = { $0 }
  /// The history that the store is held to, if it is not the workload's own.
  var heldTo: [Commit]?
  var workload: Workload

  static let path = "/store"

  init(_ name: String, _ build: (inout Workload) -> Void) {
    self.name = name
    workload = Workload()
    build(&workload)
  }

  init(_ name: String, _ workload: Workload) {
    self.name = name
    self.workload = workload
  }

  var stepCount: Int { workload.steps.count }

  func run(_ steps: [Int], on disk: SimulatedFileSystem, _ account: CrashAccount) async throws {
    let workload = workload.keeping(steps)
    var run = WorkloadRun(
      path: Self.path, options: options, history: History(workload.commits), account)
    run.run(workload, in: environment(disk, seed: 1), closing: true, surviving: true, disk: disk)
    if let failure = run.failure { throw failure }
  }

  func recover(_ disk: SimulatedFileSystem) async throws {
    let engine = try open(disk)
    withExtendedLifetime(engine) {}
  }

  func judge(_ disk: SimulatedFileSystem, _ steps: [Int], _ bounds: CrashBounds) async -> CrashVerdict {
    let commits = heldTo ?? workload.keeping(steps).commits
    let history = History(commits)
    let isOwn = heldTo == nil
    let check = RecoveryCheck(
      path: Self.path, options: options, history: history, lower: isOwn ? bounds.lower : 0,
      upper: isOwn ? bounds.upper : history.count)
    // Another opening draws other salts.
    var verdict = check.run(on: disk, seed: ~disk.fingerprint)
    guard verdict.complaints.isEmpty else { return verdict }
    let kinds = workload.keeping(steps).steps
    if kinds.contains(where: \.isBackup) {
      verdict.complaints += backupComplaints(disk, history, bounds)
    }
    if kinds.contains(where: \.isRatchet) { verdict.complaints += versionComplaints(disk, bounds) }
    return verdict
  }

  private func open(_ disk: SimulatedFileSystem) throws -> Engine {
    try Engine.open(at: Self.path, options: options, environment: environment(disk, seed: disk.fingerprint))
  }

  private func environment(_ disk: SimulatedFileSystem, seed: UInt64) -> Environment {
    let time = SimulatedTime()
    return Environment(
      fileSystem: wrap(disk), time: time, random: SeededRandomSource(seed: seed),
      scheduler: hasTime ? ManualScheduler(time: time) : InlineScheduler())
  }

  /// The mark is one more than the commits that the last backup which returned must hold. One that nobody was told of may
  /// be none yet, and is then taken for none; what is there opens by itself, and holds a prefix.
  private func backupComplaints(
    _ disk: SimulatedFileSystem, _ history: History, _ bounds: CrashBounds
  ) -> [String] {
    var options = options
    options.createIfMissing = false
    let check = RecoveryCheck(
      path: WorkloadRun.backupPath, options: options, history: history, lower: max(0, bounds.mark - 1),
      upper: bounds.upper)
    let verdict = check.run(on: disk, seed: ~disk.fingerprint)
    if bounds.mark == 0, [.invalidArgument, .corruption].contains(verdict.refusal?.code) { return [] }
    return verdict.complaints.map { "I11, backup: " + $0 }
  }

  /// The mark is the format's version that was promised.
  private func versionComplaints(_ disk: SimulatedFileSystem, _ bounds: CrashBounds) -> [String] {
    do {
      let version = try open(disk).formatVersion
      return version.rawValue < bounds.mark ? ["the format's version is \(version), not \(bounds.mark)"] : []
    } catch {
      return ["\(error)"]
    }
  }
}

extension Workload.Step {
  fileprivate var isBackup: Bool { if case .backup = self { true } else { false } }
  fileprivate var isRatchet: Bool { if case .ratchet = self { true } else { false } }
}

extension EngineOptions {
  /// Memtables and logs of a few frames, segments of a few blocks.
  static var tiny: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  /// A log that takes some large commits before it is ended.
  static var small: EngineOptions {
    var options = tiny
    options.memtableBytes = 64 << 10
    return options
  }
}

/// A short key.
func key(_ index: Int) -> [UInt8] { Array("key-\(index)".utf8) }

/// So many equal bytes.
func fill(_ byte: Int, _ count: Int) -> [UInt8] {
  .init(repeating: UInt8(truncatingIfNeeded: byte), count: count)
}
