public import Foundation

/// All that one run measured, round by round. Pure data: whatever the reports say is derived from it.
///
/// Values of one round were measured close to each other, so ratios are taken round by round and only then
/// summed up: what slowed the machine in one round slowed both sides of its ratio.
public struct Results: Codable, Sendable, Hashable {
  /// The run's name, and that of its file: "store", "workflow".
  public var name: String
  /// When it began.
  public var date: Date
  /// What was typed, to measure it again.
  public var command: String
  /// Whether it was too short to be quoted.
  public var isQuick: Bool
  /// Where it ran.
  public var machine: Machine
  /// What was measured, in the order of the table.
  public private(set) var rows: [Row] = []
  /// Who was measured, in the order of the table.
  public private(set) var subjects: [Subject] = []
  /// Who was not measured, and why.
  public private(set) var skipped: [Skipped] = []
  /// What was measured.
  public private(set) var cells: [Cell] = []
  /// What the disk alone was worth, again and again.
  public private(set) var probes: [Probe] = []

  /// One subject's values in one row.
  public struct Cell: Codable, Sendable, Hashable {
    /// The row.
    public var row: Row.ID
    /// The subject.
    public var subject: Subject.Name
    /// The values, in the row's unit.
    public var samples: [Sample]
    /// What was measured beside them, by its name: "bytes on disk / user byte", "settle ms".
    public var notes: [String: [Sample]]
  }

  /// One value of one round.
  public struct Sample: Codable, Sendable, Hashable {
    /// The round, from 1.
    public var round: Int
    /// The value.
    public var value: Double
  }

  /// What bounds a row.
  public enum Resource: String, Codable, Sendable, CaseIterable {
    /// Writing pages and syncing them.
    case disk
    /// Computing, and waiting for memory.
    case processor
  }

  /// How fast the disk alone, or the processor alone, was at one moment; greater is faster.
  public struct Probe: Codable, Sendable, Hashable {
    /// The round, from 1.
    public var round: Int
    /// The row that was about to be measured, or just had been; `nil` for the whole round.
    public var row: Row.ID?
    /// Which of the two.
    public var resource: Resource
    /// How fast it was.
    public var value: Double
  }

  /// Who was not measured.
  public struct Skipped: Codable, Sendable, Hashable {
    /// The subject's name.
    public var subject: Subject.Name
    /// Why: "redis-server is not installed".
    public var reason: String
  }

  /// A run that has measured nothing yet.
  public init(
    _ name: String, command: String, isQuick: Bool, machine: Machine, date: Date = Date()
  ) {
    self.name = name
    self.command = command
    self.isQuick = isQuick
    self.machine = machine
    self.date = date
  }

  /// Adds a row. One that is there already stays as it is.
  public mutating func add(_ row: Row) {
    if self.row(row.id) == nil { rows.append(row) }
  }

  /// Adds a subject. One that is there already stays as it is.
  public mutating func add(_ subject: Subject) {
    if self.subject(subject.name) == nil { subjects.append(subject) }
  }

  /// Says that a subject was not measured, and why.
  public mutating func skip(_ subject: Subject.Name, because reason: String) {
    let entry = Skipped(subject: subject, reason: reason)
    if !skipped.contains(entry) { skipped.append(entry) }
  }

  /// Records a value, in the row's unit.
  public mutating func record(_ value: Double, row: Row.ID, subject: Subject.Name, round: Int) {
    let index = cellIndex(row, subject)
    cells[index].samples.append(Sample(round: round, value: value))
  }

  /// Records what belongs to a cell without being a row of its own: bytes written a user byte, a p99.
  public mutating func note(
    _ value: Double, _ what: String, row: Row.ID, subject: Subject.Name, round: Int
  ) {
    let index = cellIndex(row, subject)
    cells[index].notes[what, default: []].append(Sample(round: round, value: value))
  }

  /// Records what the disk alone was worth, or the processor beside rows that do not depend on the disk. It decides
  /// which rounds count as noisy.
  public mutating func probe(
    _ value: Double, of resource: Resource = .disk, round: Int, row: Row.ID? = nil
  ) {
    probes.append(Probe(round: round, row: row, resource: resource, value: value))
  }

  /// The row of that id.
  public func row(_ id: Row.ID) -> Row? { rows.first { $0.id == id } }

  /// The subject of that name.
  public func subject(_ name: Subject.Name) -> Subject? { subjects.first { $0.name == name } }

  /// What was measured of a subject in a row.
  public func cell(_ row: Row.ID, _ subject: Subject.Name) -> Cell? {
    cells.first { $0.row == row && $0.subject == subject }
  }

  /// How many rounds there were.
  public var rounds: Int { cells.lazy.flatMap(\.samples).map(\.round).max() ?? 0 }

  private mutating func cellIndex(_ row: Row.ID, _ subject: Subject.Name) -> Int {
    if let index = cells.firstIndex(where: { $0.row == row && $0.subject == subject }) { return index }
    cells.append(Cell(row: row, subject: subject, samples: [], notes: [:]))
    return cells.count - 1
  }
}
