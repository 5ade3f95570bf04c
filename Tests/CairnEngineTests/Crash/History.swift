// The model: an ordered dictionary, and what it was after every prefix of the commit order.

import CairnEngine
import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What a store must hold after each commit of a sequence of commits.
struct History {
  /// Element `p` is the content after the first `p` commits.
  private(set) var states: [[[UInt8]: [UInt8]]] = [[:]]
  /// Element `p` is how many sequence numbers the first `p` commits have used: the store's own account of
  /// which prefix it holds.
  private(set) var sequences: [UInt64] = [0]
  private(set) var commits: [Commit] = []

  init(_ commits: [Commit] = []) {
    for commit in commits { append(commit) }
  }

  /// How many commits there are.
  var count: Int { commits.count }

  /// The position that the engine must give to commit number `index`, from 0 on; `nil` when there is nothing
  /// to commit.
  func position(ofCommit index: Int) -> CommitPosition? {
    commits[index].sequenceCount == 0 ? nil : CommitPosition(rawValue: sequences[index] + 1)
  }

  mutating func append(_ commit: Commit) {
    var state = states[count]
    let position = CommitPosition(rawValue: sequences[count] + 1)
    for write in commit.writes {
      switch write {
      case .set(let key, let value): state[key] = value
      case .remove(let key): state[key] = nil
      case .removeRange(let range): for key in state.keys where range.contains(key) { state[key] = nil }
      case .append(let prefix, let value):
        state[CommitOrderedBytes(prefix: prefix).resolved(at: position)] = value
      }
    }
    if let ingest = commit.ingest {
      if ingest.isReplacing { for key in state.keys where ingest.range.contains(key) { state[key] = nil } }
      for entry in ingest.entries { state[entry.key] = entry.value }
    }
    states.append(state)
    sequences.append(sequences[count] + commit.sequenceCount)
    commits.append(commit)
  }

  /// Notes that the sequence numbers of an ingest were used up although it did not happen.
  mutating func waste(_ sequences: UInt64) { self.sequences[count] += sequences }

  /// The history as it is when only the first `count` commits happened.
  func prefix(_ count: Int) -> History {
    var result = self
    result.states.removeLast(self.count - count)
    result.sequences.removeLast(self.count - count)
    result.commits.removeLast(self.count - count)
    return result
  }

  /// What is wrong with a reader that should see the state after `prefix` commits; `nil` if nothing is.
  func complaint(about reader: any KeyValueReader, at prefix: Int) throws(StorageError) -> String? {
    let state = states[prefix]
    let expected = state.map { KeyValue(key: $0.key, value: $0.value) }.sorted {
      $0.key.lexicographicallyPrecedes($1.key)
    }
    let found = try reader.entries(in: .all)
    if !Self.areEqual(found, expected) {
      return "after \(prefix) commits: \(Self.difference(found, expected))"
    }
    if !Self.areEqual(try reader.entries(in: .all, .descending).reversed(), expected) {
      return "after \(prefix) commits: the descending scan differs from the ascending one"
    }
    if try reader.first(in: .all) != expected.first { return "after \(prefix) commits: wrong first entry" }
    if try reader.last(in: .all) != expected.last { return "after \(prefix) commits: wrong last entry" }
    for entry in expected where try !Self.areEqual(reader.get(entry.key), entry.value) {
      return "after \(prefix) commits: get(\(Self.text(entry.key))) is wrong"
    }
    for index in 0..<8 {
      let key = Array("key-\(index)".utf8)
      if try reader.get(key) != state[key] { return "after \(prefix) commits: get(key-\(index)) is wrong" }
    }
    return nil
  }

  private static func areEqual(_ some: [KeyValue], _ others: [KeyValue]) -> Bool {
    some.count == others.count
      && zip(some, others).allSatisfy { areEqual($0.key, $1.key) && areEqual($0.value, $1.value) }
  }

  /// As `==`, which looks at one byte after the other.
  private static func areEqual(_ found: [UInt8]?, _ expected: [UInt8]) -> Bool {
    guard let found, found.count == expected.count else { return false }
    return found.withUnsafeBytes { some in
      expected.withUnsafeBytes { others in
        guard let first = some.baseAddress, let second = others.baseAddress else { return true }
        return memcmp(first, second, some.count) == 0
      }
    }
  }

  private static func difference(_ found: [KeyValue], _ expected: [KeyValue]) -> String {
    let foundByKey = Dictionary(found.map { ($0.key, $0.value) }) { first, _ in first }
    let expectedByKey = Dictionary(expected.map { ($0.key, $0.value) }) { first, _ in first }
    if foundByKey.count != found.count { return "a key is read twice" }
    let missing = expected.filter { foundByKey[$0.key] == nil }.map { text($0.key) }
    let surplus = found.filter { expectedByKey[$0.key] == nil }.map { text($0.key) }
    let changed = expected.filter { entry in foundByKey[entry.key].map { $0 != entry.value } ?? false }
    return "missing \(missing), surplus \(surplus), changed \(changed.map { text($0.key) })"
  }

  private static func text(_ key: [UInt8]) -> String { String(decoding: key, as: UTF8.self) }
}
