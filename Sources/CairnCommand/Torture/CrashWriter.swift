import CairnEngine
import CairnKV
import Synchronization

/// Takes backups, one at a time: several threads come to operations after which there is to be one.
private final class CrashBackups: Sendable {
  private let turn = Mutex(())
  private let directory: String

  init(directory: String) { self.directory = directory }

  func take(of engine: Engine) throws(StorageError) {
    try turn.withLock { (_) throws(StorageError) in _ = try engine.backup(to: directory) }
  }
}

/// Opens the store, goes on with the first operation that it does not hold, and says what it does.
struct CrashWriter: Sendable {
  let directory: String
  let script: CrashScript
  /// How many operations to make.
  let count: UInt64
  let threads: Int
  var environment = Environment.system
  let report: @Sendable (CrashLine) throws -> Void

  /// - Throws: what the store or `report` threw first. Then nothing more is begun.
  func run() throws {
    let backupDirectory = CrashBackup.path(beside: directory)
    if script.isMixed {
      try CrashBackup.removeLeftover(at: backupDirectory, store: directory, environment.fileSystem)
    }
    let backups = CrashBackups(directory: backupDirectory)
    let engine: Engine = try Engine.open(at: directory, options: CrashStore.options, environment: environment)
    do {
      let agenda = CrashAgenda(recorded: try engine.read { try CrashStore.recorded(in: $0) })
      try report(.resume(agenda.first))
      let last = agenda.last(of: count)
      try SessionControl.run(
        (0..<threads).map { thread in
          { control in
            var agenda = agenda
            while !control.isStopped, let next = agenda.take(thread: thread, of: threads, upTo: last) {
              try perform(script.operation(next), on: engine, backups)
            }
          }
        }, every: {})
    } catch {
      // What went wrong is told, not what closing a store in that state says.
      try? engine.close()
      throw error
    }
    try engine.close()
  }

  private func perform(
    _ operation: CrashOperation, on engine: Engine, _ backups: CrashBackups
  ) throws {
    try report(.begin(operation.number))
    do {
      try Self.commit(operation, script, on: engine)
    } catch {
      throw CommandFailure("operation \(operation.number): \(error)")
    }
    try report(operation.isBuffered ? .buffered(operation.number) : .acknowledged(operation.number))
    guard operation.isBackedUp else { return }
    do {
      try backups.take(of: engine)
    } catch {
      throw CommandFailure("the backup after operation \(operation.number): \(error)")
    }
    try report(.backedUp(operation.number))
  }

  private static func commit(
    _ operation: CrashOperation, _ script: CrashScript, on engine: Engine
  ) throws {
    let durability: Durability = operation.isBuffered ? .buffered : .durable
    switch operation.manner {
    case .batch: try engine.write(durability) { try write(operation, script, into: &$0) }
    case .flushedBatch(let keepingLogFiles):
      try engine.write(durability) { try write(operation, script, into: &$0) }
      try engine.flush(keepingLogFiles: keepingLogFiles)
    case .transaction(let reads):
      try engine.transact(durability) { try perform(operation, script, reading: reads, in: $0) }
    case .load: try load(operation, script, into: engine)
    }
  }

  /// Fills the batch of an operation that reads nothing.
  static func write(_ operation: CrashOperation, _ script: CrashScript, into batch: inout WriteBatch) throws {
    let lane = operation.lane
    for step in operation.steps {
      switch step {
      case .set(let place, let stamp): try batch.set(lane.key(of: place), to: script.value(stamp).bytes)
      case .remove(let place): try batch.remove(lane.key(of: place))
      case .removeSlots(let slots): try batch.remove(lane.range(ofSlots: slots))
      }
    }
    let number = CrashLane.bytes(of: operation.number)
    try batch.set(lane.countKey, to: number)
    try batch.set(CrashLane.orderKey, to: CommitOrderedBytes(number))
  }

  private static func perform(
    _ operation: CrashOperation, _ script: CrashScript, reading slots: [Int],
    in transaction: any KeyValueTransaction
  ) throws {
    let lane = operation.lane
    let before = try CrashStore.recorded(of: lane, in: transaction)
    guard before + 1 == CrashLane.index(of: operation.number) else {
      throw CrashViolation(.order, "it sees \(before) operations of lane \(lane.number) before it")
    }
    for slot in slots { _ = try transaction.get(lane.key(of: .slot(slot))) }
    for step in operation.steps {
      switch step {
      case .set(let place, let stamp): try transaction.set(lane.key(of: place), to: script.value(stamp).bytes)
      case .remove(let place): try transaction.remove(lane.key(of: place))
      case .removeSlots(let slots): try transaction.remove(lane.range(ofSlots: slots))
      }
    }
    let number = CrashLane.bytes(of: operation.number)
    try transaction.set(lane.countKey, to: number)
    try transaction.set(CrashLane.orderKey, to: CommitOrderedBytes(number))
  }

  private static func load(_ operation: CrashOperation, _ script: CrashScript, into engine: Engine) throws {
    let lane = operation.lane
    try engine.ingest(into: lane.loadedRange, replacing: true) { ingest in
      try ingest.append(key: lane.loadedKey, value: CrashLane.bytes(of: operation.number))
      for case .set(let place, let stamp) in operation.steps {
        try ingest.append(key: lane.key(of: place), value: script.value(stamp).bytes)
      }
    }
  }
}
