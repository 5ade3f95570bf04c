import CairnEngine
import CairnKV

/// The backup that writers take of their store again and again, always into the directory beside it, and how it is
/// looked at.
///
/// It holds no backup yet, or one that opens by itself, and is the store as it was at one moment: after everything that
/// was done when the last one began that is finished.
struct CrashBackup {
  /// What a store holds, as far as its backup must agree with it.
  struct Contents {
    /// The commit order as it is written down.
    let order: [KeyValue]
    /// How many operations of each lane there are.
    let recorded: [UInt64]

    /// - Throws: what a read threw, or a ``CrashViolation``.
    init(of reader: any KeyValueReader) throws {
      order = try reader.entries(in: CrashLane.orderRange)
      recorded = try CrashStore.recorded(in: reader)
    }
  }

  enum Finding {
    /// None was finished.
    case none
    /// It holds so many operations.
    case whole(held: UInt64)
    case wrong([CrashViolation])
    case damaged([String])
  }

  let directory: String
  /// What the store itself is compared with.
  let check: CrashCheck
  /// Whether it is opened as a store of its own, and not only to be read.
  var isOpenedForWriting = false
  var environment = Environment.system

  static func path(beside store: String) -> String {
    var path = Substring(store)
    while path.count > 1, path.last == "/" { path.removeLast() }
    return path + ".backup"
  }

  /// Removes a backup of a store that is not there any more: none can be taken into it of the store that takes its place.
  static func removeLeftover(at path: String, store: String, _ files: any FileSystem) throws(StorageError) {
    let mark = "BACKUP"
    // In this order: once there is a manifest, what is found may be of this store.
    guard try files.information(at: path + "/" + mark) != nil else { return }
    guard try files.information(at: store + "/" + manifest) == nil else { return }
    // The mark last: what was begun to be removed is known as such.
    for name in try files.list(path).filter({ $0 != mark }) + [mark] { try files.remove(path + "/" + name) }
  }

  private static let manifest = "MANIFEST"

  /// - Parameter store: What the store held after the end of the writer.
  /// - Throws: a ``StorageError`` that is no damage.
  func finding(_ store: Contents) throws -> Finding {
    guard try environment.fileSystem.information(at: directory + "/" + Self.manifest) != nil else {
      return withoutBackup
    }
    do throws(StorageError) {
      return try whatIsThere(store)
    } catch {
      switch error.code {
      case .corruption, .unsupportedFormat, .inputOutput, .invalidArgument:
        return .damaged(["the backup: \(error.description)"])
      default: throw error
      }
    }
  }

  private var withoutBackup: Finding {
    if check.record.lastLineBackedUp > 0 {
      return .wrong([CrashViolation(.lost, "a backup was finished, and there is none")])
    }
    do throws(StorageError) {
      let engine: ReadOnlyEngine = try ReadOnlyEngine.open(
        at: directory, options: CrashStore.options, environment: environment)
      engine.close()
      return .wrong([CrashViolation(.stray, "what is no backup yet is taken for a store")])
    } catch {
      if error.code == .invalidArgument { return .none }
      return .damaged(["what is no backup yet: \(error.description)"])
    }
  }

  private func whatIsThere(_ store: Contents) throws(StorageError) -> Finding {
    let result: (violations: [CrashViolation], held: UInt64)
    let report: VerificationReport
    if isOpenedForWriting {
      let engine: Engine = try Engine.open(
        at: directory, options: CrashStore.options, environment: environment)
      result = try onlyStorageErrors { try engine.read { try compare($0, with: store) } }
      report = try engine.verify(.everything, violationLimit: CrashCheck.limit)
      try engine.close()
    } else {
      let engine: ReadOnlyEngine = try ReadOnlyEngine.open(
        at: directory, options: CrashStore.options, environment: environment)
      result = try onlyStorageErrors { try engine.read { try compare($0, with: store) } }
      engine.close()
      report = try Engine.verify(at: directory, violationLimit: CrashCheck.limit, environment: environment)
    }
    if !result.violations.isEmpty {
      return .wrong(result.violations.map { CrashViolation($0.kind, "in the backup, \($0.what)") })
    }
    if !report.isSound { return .damaged(report.violations.map { "the backup: \($0)" }) }
    return .whole(held: result.held)
  }

  private func compare(
    _ reader: any KeyValueReader, with store: Contents
  ) throws -> (violations: [CrashViolation], held: UInt64) {
    var check = check
    check.isBackup = true
    let violations = try check.violations(in: reader)
    guard violations.isEmpty else { return (violations, 0) }
    let contents = try Contents(of: reader)
    return (Self.differences(of: contents, from: store), contents.recorded.reduce(0, +))
  }

  /// A backup goes as far as its store or less far, and the same way.
  static func differences(of backup: Contents, from store: Contents) -> [CrashViolation] {
    var found = CrashLane.all.filter { backup.recorded[$0.number] > store.recorded[$0.number] }.map {
      CrashViolation(.neverBegun, "lane \($0.number) has operations that the store has not")
    }
    if !store.order.starts(with: backup.order) {
      found.append(CrashViolation(.order, "the commit order is not how that of the store begins"))
    }
    return found
  }
}

/// What reads throw that call back, as it was thrown.
private func onlyStorageErrors<Result>(_ body: () throws -> Result) throws(StorageError) -> Result {
  do {
    return try body()
  } catch let error as StorageError {
    throw error
  } catch {
    throw StorageError(.corruption, "\(error)")
  }
}
