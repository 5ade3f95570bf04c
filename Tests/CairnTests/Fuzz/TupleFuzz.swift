import CairnKV
import FuzzKit

@testable import Cairn

/// Keys: the tuples in them, and the numbers at the end of the layer's.
struct TupleFuzz: FuzzTarget {
  static let name = "tuple"
  static let share = 20
  private let seeds: [[UInt8]]
  private let events: NumberedKeys

  init() throws {
    let journal = Keyspace.OfJournal(try StoredName("j"))
    events = journal.events
    let position = TupleElement.position(CommitPosition(rawValue: 0x0102_0304_0506_0708))
    seeds = [
      Tuple("a\u{0}b\u{1}", .bytes([0, 1, 2, 255]), 0, 1, -1, 255, 256, -256).encoded(),
      Tuple(.integer(.min), .integer(.max), .unsigned(.max), position).encoded(), Keyspace.layout,
      journal.head, journal.events.key(300), journal.events.key(.max), journal.once(try StoredName("once")),
      Tuple(3, position).encoded(),
    ]
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var bytes = seeds[random.below(seeds.count)]
    Mutation.change(&bytes, with: seeds[random.below(seeds.count)], using: &random)
    let key = bytes
    // What follows a prefix is all that is looked at: a scan has found the key by the prefix.
    try demandRefusal(of: key) { () throws(StoreError) in
      if try events.number(in: key) == 0 { throw .damagedRecord(key: [], reason: "the number is 0") }
    }
    try demandRefusal(of: key) { () throws(StoreError) in _ = try Keyspace.CommitOrder.position(in: key) }
    do {
      let tuple = try Tuple(decoding: key)
      try demand(tuple.encoded() == key, "\(key) is written as \(tuple.encoded())")
      let length = key.withUnsafeBytes { Tuple.prefixLength(of: $0, elements: tuple.elements.count) }
      try demand(length == key.count, "\(length ?? -1) of \(key) are its elements")
      return .accepted
    } catch let error as TupleError {
      guard (0...key.count).contains(error.offset) else { throw FuzzFinding("\(error) of \(key)") }
      let length = key.withUnsafeBytes { Tuple.prefixLength(of: $0, elements: 1 + random.below(9)) }
      if let length { try demand(length <= key.count, "a prefix of \(length) of \(key.count)") }
      return .rejected
    }
  }

  private func demandRefusal(of key: [UInt8], _ body: () throws(StoreError) -> Void) throws(FuzzFinding) {
    do throws(StoreError) {
      try body()
    } catch {
      guard case .damagedRecord(let named, _) = error, named == key else { throw FuzzFinding("\(error)") }
    }
  }
}
