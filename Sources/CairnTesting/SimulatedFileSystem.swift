// A file system in memory that can lose what was not synchronized. Every operation goes through `perform`,
// which counts it, notes it, and lets it happen, fail, or be the last.

public import CairnEngine
public import CairnKV
import Synchronization

/// Files in memory that behave as the operating system's do, fail as planned, and can crash.
///
///     let disk = SimulatedFileSystem()
///     disk.setFaultPlan(.powerCut(atOperation: 40, seed: 7))
///     // … run until it throws …
///     let after = disk.crash(.strict, seed: 7)  // a disk as the power cut may have left it
///
/// A run in one thread is the same every time. The root directory is `/`, and relative paths begin there. Locks
/// are held against everyone who uses this object, and are gone after a crash.
public final class SimulatedFileSystem: FileSystem {
  /// The process id that holders of a lock are said to have.
  public static let processIdentifier: Int32 = 1

  /// How many operations the trace goes back.
  public static let traceLimit = 256

  fileprivate struct State {
    var disk: SimulatedDisk
    var faults: FaultProgress
    var operationCount = 0
    /// The last operations; a ring that is full once it has `traceLimit` elements.
    var trace: [TraceEntry] = []
    var observer: (@Sendable (DiskMoment) -> Void)?
    /// What the observer saw last.
    var observedChanges: Int?

    /// What the observer is to see, if there is anything new.
    mutating func nextMoment() -> (moment: DiskMoment, observer: @Sendable (DiskMoment) -> Void)? {
      guard let observer, observedChanges != disk.changeCount else { return nil }
      observedChanges = disk.changeCount
      return (moment, observer)
    }

    var moment: DiskMoment {
      DiskMoment(operation: operationCount + 1, disk: disk, isBehindWrite: lastOperation == .write)
    }
    var lastOperation: FaultPlan.Operation?
    var latency: Latency?
    /// Every operation, when somebody asked for them.
    package var recording: [RecordedOperation]?
    var whenPowerGoes: (@Sendable () -> Void)?
  }

  private let state: Mutex<State>

  /// An empty file system.
  public convenience init(faultPlan: FaultPlan = FaultPlan()) {
    self.init(disk: SimulatedDisk(), faultPlan: faultPlan)
  }

  private init(disk: SimulatedDisk, faultPlan: FaultPlan) {
    state = Mutex(State(disk: disk, faults: FaultProgress(faultPlan)))
  }

  // MARK: Running the simulation

  /// A file system as a crash at this moment may leave this one: everything on it is durable, nothing is
  /// locked, and nothing fails. This one is not changed, so that one run gives many crashes. Costs time in
  /// proportion to the unsynchronized changes and the number of files, not to their size.
  public func crash(_ model: CrashModel, seed: UInt64) -> SimulatedFileSystem {
    var generator = SeededGenerator(seed: seed)
    let disk = state.withLock { $0.disk }
    return SimulatedFileSystem(disk: disk.afterCrash(model, generator: &generator), faultPlan: FaultPlan())
  }

  /// A file system with this disk.
  convenience init(_ disk: SimulatedDisk) { self.init(disk: disk, faultPlan: FaultPlan()) }

  /// The moment before the next operation.
  public var moment: DiskMoment {
    state.withLock { $0.moment }
  }

  /// Has `observer` called before each operation on a disk that a crash would leave otherwise than at the call before,
  /// on the thread that makes the operation: one run so gives every moment at which the power could go. `nil` for
  /// nobody.
  public func setObserver(_ observer: (@Sendable (DiskMoment) -> Void)?) {
    state.withLock { $0.observer = observer }
  }

  /// The file system that a process finds that is started anew after all others have died, on a machine that goes
  /// on: nothing is locked and nothing fails. As ``CrashModel/kill`` leaves it, but what was not synchronized still
  /// is not: a power cut later can lose it. This one is not changed.
  package func afterProcessDeath() -> SimulatedFileSystem {
    SimulatedFileSystem(disk: state.withLock { $0.disk }.afterProcessDeath(), faultPlan: FaultPlan())
  }

  /// Begins a plan, from the next operation on, in place of the one before.
  public func setFaultPlan(_ plan: FaultPlan) {
    state.withLock { $0.faults = FaultProgress(plan) }
  }

  /// Has operations take time: those of each kind so many microseconds of `time`, and others none.
  public func setLatency(_ microseconds: [FaultPlan.Operation: UInt32], of time: SimulatedTime) {
    state.withLock { $0.latency = Latency(microseconds: microseconds, time: time) }
  }

  /// Has the disk be full, or have space again. A full one takes no new file or name, and lets none grow; what overwrites is
  /// written.
  public func setFull(_ isFull: Bool) {
    state.withLock { $0.disk.isFull = isFull }
  }

  /// How many operations were tried so far, on the file system and on its files.
  public var operationCount: Int {
    state.withLock { $0.operationCount }
  }

  /// How many changes a crash could lose now.
  public var unsynchronizedChangeCount: Int {
    state.withLock { $0.disk.pending.count }
  }

  /// The last operations, at most ``traceLimit``, oldest first, with their numbers and how they ended.
  public var trace: [String] {
    let (entries, count) = state.withLock { ($0.trace, $0.operationCount) }
    let oldest = entries.count < Self.traceLimit ? 0 : count % Self.traceLimit
    return (entries[oldest...] + entries[..<oldest]).map(\.description)
  }

  /// Whether the power cut that was planned has come.
  public var isPowerOff: Bool {
    state.withLock { $0.faults.isPowerOff }
  }

  /// How many operations failed because the plan says so, since it was set.
  public var metFaultCount: Int {
    state.withLock { $0.faults.metCount }
  }

  /// Begins to keep every operation in memory, and not only the last ones.
  package func startRecording() {
    state.withLock { $0.recording = [] }
  }

  /// Every operation since ``startRecording()``.
  package var recording: [RecordedOperation] {
    state.withLock { $0.recording ?? [] }
  }

  /// Has something done at the moment at which the power goes.
  func whenPowerGoes(_ action: (@Sendable () -> Void)?) {
    state.withLock { $0.whenPowerGoes = action }
  }

  /// Everything that can be seen now, to be compared with the like of another run.
  var contents: NodeTable {
    state.withLock { $0.disk.current }
  }

  // MARK: FileSystem

  public func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let node = try perform(mode == .create ? .create : .open, path) { disk throws(ErrorNumber) in
      let node = mode == .create ? try disk.createFile(path) : try disk.find(path)
      if disk.current.entries(node) != nil { throw .isDirectory }
      disk.retain(node)
      return node
    }
    return SimulatedFile(self, node, path: path, isWritable: mode != .read)
  }

  public func createDirectory(_ path: String) throws(StorageError) {
    try perform(.createDirectory, path) { disk throws(ErrorNumber) in try disk.createDirectory(path) }
  }

  public func rename(_ source: String, to destination: String) throws(StorageError) {
    try perform(.rename, destination, "from \"\(source)\"") { disk throws(ErrorNumber) in
      try disk.rename(source, to: destination)
    }
  }

  public func link(_ source: String, to destination: String) throws(StorageError) {
    try perform(.link, destination, "from \"\(source)\"") { disk throws(ErrorNumber) in
      try disk.link(source, to: destination)
    }
  }

  public func remove(_ path: String) throws(StorageError) {
    try perform(.remove, path) { disk throws(ErrorNumber) in try disk.remove(path) }
  }

  public func list(_ directory: String) throws(StorageError) -> [String] {
    try perform(.list, directory) { disk throws(ErrorNumber) in try disk.list(directory) }
  }

  public func information(at path: String) throws(StorageError) -> FileInformation? {
    try perform(.information, path) { disk throws(ErrorNumber) in try disk.information(path) }
  }

  public func synchronizeDirectory(_ path: String) throws(StorageError) {
    try perform(.synchronizeDirectory, path) { disk throws(ErrorNumber) in
      let node = try disk.find(path)
      if disk.current.entries(node) == nil { throw .notADirectory }
      disk.synchronize(node)
    } interrupted: { disk, generator in
      if let node = try? disk.find(path) { disk.failToSynchronize(node, &generator) }
    }
  }

  public func lock(_ path: String) throws(StorageError) -> any FileLock {
    let node = try perform(.lock, path) { disk throws(ErrorNumber) -> NodeNumber? in
      let node = try disk.information(path) == nil ? try disk.createFile(path) : try disk.find(path)
      if disk.current.entries(node) != nil { throw .isDirectory }
      guard disk.lock(node) else { return nil }
      disk.retain(node)
      disk.truncate(node, to: 0)
      Array("\(Self.processIdentifier)\n".utf8).withUnsafeBytes { disk.write(node, $0, at: 0) }
      return node
    }
    if let node { return SimulatedFileLock(self, node) }
    throw StorageError(
      .locked, "\"\(path)\" is locked already in this simulation; release it first", file: path,
      systemError: ErrorNumber.wouldBlock.number, holder: Self.processIdentifier)
  }

  public func isLocked(_ path: String) throws(StorageError) -> Bool {
    try perform(.information, path) { disk throws(ErrorNumber) in
      guard try disk.information(path) != nil else { return false }
      return disk.locked.contains(try disk.find(path))
    }
  }

  // MARK: Inside

  /// Counts an operation and lets it happen, or not.
  /// - Parameters:
  ///   - interrupted: What an operation that fails leaves behind; nothing, unless said.
  ///   - silently: What an operation does that says that it succeeded; what it should, unless said.
  func perform<Result>(
    _ operation: FaultPlan.Operation, _ path: String, _ detail: @autoclosure () -> String = "",
    _ body: (inout SimulatedDisk) throws(ErrorNumber) -> Result,
    interrupted: (inout SimulatedDisk, inout SeededGenerator) -> Void = { _, _ in },
    silently: (FaultPlan.Cause, inout SimulatedDisk, inout SeededGenerator) throws(ErrorNumber) -> Result? = {
      _, _, _ in nil
    }
  ) throws(StorageError) -> Result {
    // The outcome leaves the lock in a variable: a Mutex hands out only what it can prove to be nobody
    // else's.
    var outcome: Swift.Result<Result, StorageError> = .failure(.simulatedPowerCut(path))
    if let (moment, observer) = state.withLock({ $0.nextMoment() }) { observer(moment) }
    var whenPowerGoes: (@Sendable () -> Void)?
    state.withLock { state in
      state.operationCount += 1
      state.latency?.pass(operation)
      state.lastOperation = operation
      switch state.faults.next(operation, path) {
      case .happens: outcome = Self.attempt(operation, path, &state.disk, body)
      case .fails(let cause) where cause.isSilent:
        outcome = Self.attempt(operation, path, &state.disk) { disk throws(ErrorNumber) in
          if let result = try silently(cause, &disk, &state.faults.generator) { return result }
          return try body(&disk)
        }
      case .fails(let cause):
        interrupted(&state.disk, &state.faults.generator)
        outcome = .failure(Self.injected(cause, operation, path))
      case .powerGoes(let moment):
        switch moment {
        case .before: break
        case .during: interrupted(&state.disk, &state.faults.generator)
        case .after: _ = Self.attempt(operation, path, &state.disk, body)
        }
        whenPowerGoes = state.whenPowerGoes
      case .powerIsOff: break
      }
      var failure: StorageError?
      if case .failure(let error) = outcome { failure = error }
      state.note(
        TraceEntry(
          number: state.operationCount, operation: operation, path: path, detail: detail(), failure: failure))
      state.recording?.append(RecordedOperation(operation: operation, path: path, detail: detail()))
    }
    whenPowerGoes?()
    return try outcome.get()
  }

  /// Does what is not an operation of its own.
  func withDisk(_ body: (inout SimulatedDisk) -> Void) {
    state.withLock { body(&$0.disk) }
  }

  private static func attempt<Result>(
    _ operation: FaultPlan.Operation, _ path: String, _ disk: inout SimulatedDisk,
    _ body: (inout SimulatedDisk) throws(ErrorNumber) -> Result
  ) -> Swift.Result<Result, StorageError> {
    do throws(ErrorNumber) {
      return .success(try body(&disk))
    } catch {
      return .failure(
        failure(error, operation, path, code: error == .noSpace ? .full : .inputOutput))
    }
  }

  private static func failure(
    _ error: ErrorNumber, _ operation: FaultPlan.Operation, _ path: String,
    code: StorageError.Code = .inputOutput,
    note: String = ""
  ) -> StorageError {
    StorageError(
      code, "cannot \(operation.rawValue) \"\(path)\": \(error.text)\(note)", file: path,
      systemError: error.number)
  }

  private static func injected(
    _ cause: FaultPlan.Cause, _ operation: FaultPlan.Operation, _ path: String
  ) -> StorageError {
    let number: ErrorNumber
    var code = StorageError.Code.inputOutput
    switch cause {
    case .error(let error): return error
    case .noSpace: (number, code) = (.noSpace, .full)
    case .quotaExceeded: (number, code) = (.quotaExceeded, .full)
    case .tooManyOpenFiles: number = .tooManyOpenFiles
    case .tooManyOpenFilesInSystem: number = .tooManyOpenFilesInSystem
    case .accessDenied: number = .accessDenied
    case .readOnlyFileSystem: number = .readOnlyFileSystem
    case .noLocks: number = .noLocks
    // Of these the silent ones do not fail.
    case .inputOutput, .lostWrite, .misdirectedWrite, .flippedBit: number = .inputOutput
    }
    return failure(number, operation, path, code: code, note: " (injected)")
  }
}

extension SimulatedFileSystem.State {
  fileprivate mutating func note(_ entry: TraceEntry) {
    if trace.count < SimulatedFileSystem.traceLimit {
      trace.append(entry)
    } else {
      trace[(operationCount - 1) % SimulatedFileSystem.traceLimit] = entry
    }
  }
}

/// One operation, to be compared with that of another run.
package struct RecordedOperation: Hashable, Sendable {
  package var operation: FaultPlan.Operation
  package var path: String
  package var detail: String
}

/// How slow a disk is.
private struct Latency {
  var microseconds: [FaultPlan.Operation: UInt32]
  var time: SimulatedTime

  func pass(_ operation: FaultPlan.Operation) {
    if let passed = microseconds[operation] { time.advance(byMicroseconds: passed) }
  }
}

/// One operation, for people.
private struct TraceEntry: CustomStringConvertible {
  var number: Int
  var operation: FaultPlan.Operation
  var path: String
  var detail: String
  var failure: StorageError?

  var description: String {
    let outcome = failure.map { ": " + ($0.isSimulatedPowerCut ? $0.message : $0.description) } ?? ""
    return "\(number) \(operation.rawValue) \"\(path)\"\(detail.isEmpty ? "" : " ")\(detail)\(outcome)"
  }
}
