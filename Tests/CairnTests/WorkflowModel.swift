import Cairn
import CairnTesting

/// One thing done in a transaction of the model-based tests.
enum WorkflowOperation: Sendable {
  case save(Int, to: String, after: UInt64?)
  case load(String, at: UInt64?)
  case history(String, before: UInt64?, limit: Int?)
  case append([Int], to: String, expecting: ExpectedVersion, once: String?)
  case version(String)
  case events(String, from: EventPlace?, ScanDirection, limit: Int?)
  case allEvents(from: CommitPosition?, ScanDirection, limit: Int?)

  /// A random operation on one of few timelines and journals, so that they meet.
  static func random(_ random: inout SeededGenerator) -> WorkflowOperation {
    func few() -> UInt64 { UInt64.random(in: 0...12, using: &random) }
    func position() -> CommitPosition { CommitPosition(rawValue: UInt64.random(in: 0...120, using: &random)) }
    func limit() -> Int? { Bool.random(using: &random) ? nil : Int.random(in: 0...6, using: &random) }
    let name = ["a", "b", "a\u{0}"].randomElement(using: &random) ?? ""
    let direction: ScanDirection = Bool.random(using: &random) ? .ascending : .descending
    let number = Int.random(in: 0...999, using: &random)
    switch Int.random(in: 0..<12, using: &random) {
    case 0, 1: return .save(number, to: name, after: number % 3 == 0 ? few() : nil)
    case 2: return .load(name, at: number % 3 == 0 ? few() : nil)
    case 3: return .history(name, before: number % 2 == 0 ? few() : nil, limit: limit())
    case 4, 5: return .append(Array(0..<number % 4), to: name, expecting: .any, once: nil)
    case 6: return .append([number], to: name, expecting: .exactly(few()), once: nil)
    case 7: return .append([number], to: name, expecting: .any, once: "once \(number % 9)")
    case 8: return .version(name)
    case 9: return .events(name, from: number % 2 == 0 ? .version(few()) : nil, direction, limit: limit())
    case 10: return .events(name, from: .position(position()), direction, limit: limit())
    default: return .allEvents(from: number % 2 == 0 ? position() : nil, direction, limit: limit())
    }
  }
}

/// What an operation gave back, as far as the model can know it.
enum WorkflowOutcome: Hashable, Sendable {
  struct Checkpoint: Hashable {
    var id: UInt64
    var parent: UInt64?
    var step: Int
    var state: Int?
  }

  struct Event: Hashable {
    var journal: String
    var version: UInt64
    var position: UInt64
    var number: Int
  }

  case saved(UInt64)
  case checkpoints([Checkpoint])
  case appended(Range<UInt64>, isRepeat: Bool)
  case version(UInt64)
  case events([Event])
  case conflict(actual: UInt64)
  case parentNotFound
}

/// Timelines and journals as plain arrays.
struct WorkflowModel {
  private var timelines: [String: [WorkflowOutcome.Checkpoint]] = [:]
  private var heads: [String: UInt64] = [:]
  private var once: [String: Range<UInt64>] = [:]
  /// All events, in commit order.
  private var events: [WorkflowOutcome.Event] = []

  /// Does a transaction that was committed at `position`, or wrote nothing.
  mutating func commit(
    _ operations: [WorkflowOperation], at position: CommitPosition?
  ) -> [WorkflowOutcome] {
    var appended: [WorkflowOutcome.Event] = []
    let outcomes = operations.map { perform($0, at: position?.rawValue ?? 0, &appended) }
    events += appended
    return outcomes
  }

  private mutating func perform(
    _ operation: WorkflowOperation, at position: UInt64, _ appended: inout [WorkflowOutcome.Event]
  ) -> WorkflowOutcome {
    switch operation {
    case .save(let state, let name, let parent):
      let line = timelines[name] ?? []
      let parentIndex = parent.map { Int($0) - 1 } ?? line.count - 1
      if parent != nil && !line.indices.contains(parentIndex) { return .parentNotFound }
      let step = line.isEmpty ? 0 : line[parentIndex].step + 1
      let id = UInt64(line.count + 1)
      timelines[name, default: []].append(
        .init(id: id, parent: line.isEmpty ? nil : line[parentIndex].id, step: step, state: state))
      return .saved(id)
    case .load(let name, let id):
      let line = timelines[name] ?? []
      return .checkpoints(line.filter { $0.id == id ?? UInt64(line.count) })
    case .history(let name, let before, let limit):
      let line = (timelines[name] ?? []).reversed().filter { $0.id < before ?? .max }.prefix(limit ?? .max)
      return .checkpoints(line.map { .init(id: $0.id, parent: $0.parent, step: $0.step, state: nil) })
    case .append(let numbers, let name, let expected, let key):
      let onceName = key.map { "\(name)/\($0)" }
      if let onceName, let versions = once[onceName] { return .appended(versions, isRepeat: true) }
      let last = heads[name] ?? 0
      if case .exactly(let version) = expected, version != last { return .conflict(actual: last) }
      for (index, number) in numbers.enumerated() {
        appended.append(
          .init(
            journal: name, version: last + 1 + UInt64(index), position: position + UInt64(appended.count),
            number: number))
      }
      let versions = last + 1..<last + 1 + UInt64(numbers.count)
      heads[name] = last + UInt64(numbers.count)
      if let onceName { once[onceName] = versions }
      return .appended(versions, isRepeat: false)
    case .version(let name):
      return .version(heads[name] ?? 0)
    case .events(let name, let place, let direction, let limit):
      return .events(
        select(limit, direction) { event in
          guard event.journal == name else { return false }
          return switch place {
          case nil: true
          case .version(let version)?:
            direction == .ascending ? event.version >= version : event.version <= version
          case .position(let place)?:
            direction == .ascending ? event.position >= place.rawValue : event.position <= place.rawValue
          }
        })
    case .allEvents(let place, let direction, let limit):
      return .events(
        select(limit, direction) { event in
          guard let place else { return true }
          return direction == .ascending ? event.position >= place.rawValue : event.position <= place.rawValue
        })
    }
  }

  private func select(
    _ limit: Int?, _ direction: ScanDirection, where isWanted: (WorkflowOutcome.Event) -> Bool
  ) -> [WorkflowOutcome.Event] {
    let ordered = direction == .ascending ? events : events.reversed()
    return Array(ordered.filter(isWanted).prefix(limit ?? .max))
  }
}

/// Does an operation on the store, and says what came of it in the model's terms.
func perform(
  _ operation: WorkflowOperation, _ transaction: borrowing Transaction
) throws -> WorkflowOutcome {
  func event(_ event: Recorded<Int>) -> WorkflowOutcome.Event {
    .init(
      journal: event.journal, version: event.version, position: event.position.rawValue, number: event.event)
  }
  do {
    switch operation {
    case .save(let state, let name, let parent):
      let parent = parent.map(CheckpointID.init(rawValue:))
      return .saved(try transaction.save(state, to: Timeline(name), after: parent).rawValue)
    case .load(let name, let id):
      let line = Timeline<Int>(name)
      let checkpoint =
        if let id { try transaction.load(line, at: CheckpointID(rawValue: id)) } else {
          try transaction.load(line)
        }
      return .checkpoints(
        checkpoint.map {
          [.init(id: $0.id.rawValue, parent: $0.parent?.rawValue, step: $0.step, state: $0.state)]
        } ?? [])
    case .history(let name, let before, let limit):
      let history = try transaction.history(
        of: Timeline<Int>(name), before: before.map(CheckpointID.init(rawValue:)), limit: limit)
      return .checkpoints(
        history.map { .init(id: $0.id.rawValue, parent: $0.parent?.rawValue, step: $0.step, state: nil) })
    case .append(let numbers, let name, let expected, let key):
      let appended = try transaction.append(
        contentsOf: numbers, to: Journal(name), expecting: expected, once: key)
      return .appended(appended.versions, isRepeat: appended.isRepeat)
    case .version(let name):
      return .version(try transaction.version(of: Journal<Int>(name)))
    case .events(let name, let place, let direction, let limit):
      let events = try transaction.events(in: Journal<Int>(name), from: place, direction, limit: limit)
      return .events(events.map(event))
    case .allEvents(let place, let direction, let limit):
      let events = try transaction.events(from: place, direction, limit: limit)
      return .events(try events.map { event(try $0.decoded()) })
    }
  } catch StoreError.conflict(_, _, let actual) {
    return .conflict(actual: actual)
  } catch StoreError.notFound {
    return .parentNotFound
  }
}
