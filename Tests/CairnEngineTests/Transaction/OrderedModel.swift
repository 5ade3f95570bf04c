import CairnKV
import CairnTesting

/// A store as a dictionary.
struct OrderedModel: Equatable {
  private(set) var values: [[UInt8]: [UInt8]] = [:]

  var entries: [KeyValue] { entries(in: .all) }

  func entries(in range: KeyRange) -> [KeyValue] {
    values.filter { range.contains($0.key) }.map { KeyValue(key: $0.key, value: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  mutating func set(_ key: [UInt8], to value: [UInt8]?) { values[key] = value }
  mutating func remove(_ range: KeyRange) { values = values.filter { !range.contains($0.key) } }
}

/// An operation with what it needs, to be run on a transaction and on the model alike.
enum ModelOperation: Sendable {
  case get([UInt8])
  case first(KeyRange)
  case last(KeyRange)
  case scan(KeyRange, ScanDirection, Int?)
  case lend([UInt8])
  case lendEntries(KeyRange, ScanDirection, Int?)
  case set([UInt8], [UInt8])
  case remove([UInt8])
  case removeRange(KeyRange)

  /// Over few keys, so that operations meet.
  static func random(_ random: inout SeededGenerator, writesOneIn: Int = 2) -> ModelOperation {
    let key = [UInt8(random.below(8))]
    let range = KeyRange(
      from: key, to: random.isHit(oneIn: 4) ? nil : [UInt8(Int(key[0]) + random.below(4))])
    if random.isHit(oneIn: writesOneIn) {
      switch random.below(8) {
      case 0: return .removeRange(range)
      case 1, 2: return .remove(key)
      default: return .set(key, random.bytes(4))
      }
    }
    let direction = random.isHit(oneIn: 2) ? ScanDirection.ascending : .descending
    let limit = [nil, 0, 1, 2][random.below(4)]
    switch random.below(7) {
    case 0: return .first(range)
    case 1: return .last(range)
    case 2: return .scan(range, direction, limit)
    case 3: return .lend(key)
    case 4: return .lendEntries(range, direction, limit)
    default: return .get(key)
    }
  }

  var isWrite: Bool {
    switch self {
    case .get, .first, .last, .scan, .lend, .lendEntries: false
    case .set, .remove, .removeRange: true
    }
  }

  /// - Returns: what was read.
  func run(_ transaction: any KeyValueTransaction) throws -> [KeyValue] {
    switch self {
    case .get(let key): return try transaction.get(key).map { [KeyValue(key: key, value: $0)] } ?? []
    case .first(let range): return try transaction.first(in: range).map { [$0] } ?? []
    case .last(let range): return try transaction.last(in: range).map { [$0] } ?? []
    case .scan(let range, let direction, let limit):
      return try transaction.entries(in: range, direction, limit: limit)
    case .lend(let key): return try transaction.lent(key).map { [KeyValue(key: key, value: $0)] } ?? []
    case .lendEntries(let range, let direction, let limit):
      return try transaction.lentEntries(in: range, direction, limit: limit)
    case .set(let key, let value): try transaction.set(key, to: value)
    case .remove(let key): try transaction.remove(key)
    case .removeRange(let range): try transaction.remove(range)
    }
    return []
  }

  func run(_ model: inout OrderedModel) -> [KeyValue] {
    switch self {
    case .get(let key), .lend(let key): return model.values[key].map { [KeyValue(key: key, value: $0)] } ?? []
    case .first(let range): return Array(model.entries(in: range).prefix(1))
    case .last(let range): return model.entries(in: range).suffix(1)
    case .scan(let range, let direction, let limit), .lendEntries(let range, let direction, let limit):
      let entries = model.entries(in: range)
      return Array((direction == .ascending ? entries : entries.reversed()).prefix(limit ?? .max))
    case .set(let key, let value): model.set(key, to: value)
    case .remove(let key): model.set(key, to: nil)
    case .removeRange(let range): model.remove(range)
    }
    return []
  }
}
