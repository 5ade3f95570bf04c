// What a crash test does to a store, as data: so that the model and the engine are given the same.

import CairnEngine
import CairnKV
import CairnTesting

/// One write of a commit.
enum Write: Sendable {
  case set([UInt8], [UInt8])
  case remove([UInt8])
  case removeRange(KeyRange)
  /// A commit-ordered key: the prefix, then the commit's position.
  case append(prefix: [UInt8], [UInt8])
}

/// Writes that belong together.
struct Commit: Sendable {
  var writes: [Write]
  var durability = Durability.durable
  /// As a transaction that reads after writing, not as a blind batch.
  var isTransaction = false
  /// Not writes, but a sorted ingest.
  var ingest: Ingest?

  /// Entries that replace what is in a range, or come where nothing is.
  struct Ingest: Sendable {
    var range: KeyRange
    var isReplacing: Bool
    /// By ascending key.
    var entries: [KeyValue]
  }

  /// How many sequence numbers it takes.
  var sequenceCount: UInt64 {
    guard let ingest else { return UInt64(writes.count) }
    return (ingest.isReplacing ? 1 : 0) + (ingest.entries.isEmpty ? 0 : 1)
  }
}

/// What happens to a store, in order.
struct Workload: Sendable {
  enum Step: Sendable {
    case commit(Commit)
    /// Close, and open again.
    case reopen
    /// A minute without any call. Passes only with a ``ManualScheduler``.
    case quiet
    /// Have all that was committed written into segments.
    case flush(keepingLogFiles: Bool)
    /// Take a snapshot, and keep it until it is let go of or the store is closed.
    case hold
    /// Let go of it, after a look at whether it still sees what it saw.
    case release
    /// Make a backup, always in the same place.
    case backup
    /// Raise the store's format to the newest version.
    case ratchet
    /// The disk is full when this commit comes, and has space again when it is tried once more.
    case commitOnFullDisk(Commit)
  }

  var steps: [Step] = []

  var commits: [Commit] {
    steps.compactMap { step in
      switch step {
      case .commit(let commit), .commitOnFullDisk(let commit): commit
      default: nil
      }
    }
  }

  mutating func ingest(into range: KeyRange, replacing isReplacing: Bool, _ entries: [KeyValue]) {
    let ingest = Commit.Ingest(range: range, isReplacing: isReplacing, entries: entries)
    steps.append(.commit(Commit(writes: [], ingest: ingest)))
  }

  mutating func commit(_ durability: Durability = .durable, _ writes: Write...) {
    steps.append(.commit(Commit(writes: writes, durability: durability)))
  }
}

extension Workload {
  /// The same with only those steps.
  func keeping(_ kept: [Int]) -> Workload {
    var workload = self
    workload.steps = kept.compactMap { steps.indices.contains($0) ? steps[$0] : nil }
    return workload
  }

  /// Random commits over few keys, so that they meet often.
  /// - Parameters:
  ///   - buffered: how many of ten commits are only buffered.
  ///   - reopening: how many of a hundred steps close and open the store.
  ///   - ingesting: how many of a hundred commits are ingests.
  static func random(
    seed: UInt64, commits count: Int, keys: Int = 24, buffered: Int = 3, reopening: Int = 4,
    ingesting: Int = 0, largeValues: Bool = true
  ) -> Workload {
    var random = SeededGenerator(seed: seed)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    func key() -> [UInt8] { Array("key-\(below(keys))".utf8) }
    func value() -> [UInt8] {
      let length =
        switch below(largeValues ? 40 : 30) {
        case 0: 0
        case 39: 100 << 10
        case 35...38: 4096 + below(9000)
        default: below(300)
        }
      return [UInt8](repeating: UInt8(below(256)), count: length)
    }
    func write() -> Write {
      switch below(20) {
      case 0...11: return .set(key(), value())
      case 12...14: return .remove(key())
      case 15, 16:
        let (a, b) = (key(), key())
        if a == b { return .removeRange(.key(a)) }
        return .removeRange(a.lexicographicallyPrecedes(b) ? .init(from: a, to: b) : .init(from: b, to: a))
      case 17: return .removeRange(below(2) == 0 ? .prefix(Array("key-1".utf8)) : .init(from: key(), to: nil))
      default: return .append(prefix: Array("log/".utf8), value())
      }
    }
    func ingest(_ index: Int) -> Commit.Ingest {
      let (a, b) = (key(), key())
      let ordered = a.lexicographicallyPrecedes(b) ? KeyRange(from: a, to: b) : KeyRange(from: b, to: a)
      let isReplacing = below(3) > 0
      let range: KeyRange
      if isReplacing {
        range = [ordered, .init(from: a, to: nil), .prefix(Array("key-1".utf8)), .all][below(4)]
      } else {
        range = .prefix(Array("new-\(index)/".utf8))
      }
      let candidates =
        isReplacing
        ? (0..<keys).map { Array("key-\($0)".utf8) }
        : (0..<keys).map { Array("new-\(index)/\($0)".utf8) }
      let chosen = candidates.filter { range.contains($0) && below(2) == 0 }
        .sorted { $0.lexicographicallyPrecedes($1) }
      return Commit.Ingest(
        range: range, isReplacing: isReplacing, entries: chosen.map { KeyValue(key: $0, value: value()) })
    }
    var workload = Workload()
    for index in 0..<count {
      if ingesting > 0 && below(100) < ingesting {
        workload.steps.append(.commit(Commit(writes: [], ingest: ingest(index))))
        continue
      }
      if below(100) < reopening { workload.steps.append(.reopen) }
      workload.steps.append(
        .commit(
          Commit(
            writes: (0..<(1 + below(4))).map { _ in write() },
            durability: below(10) < buffered ? .buffered : .durable, isTransaction: below(4) == 0)))
    }
    return workload
  }
}

extension Engine {
  /// Makes one commit of a workload.
  /// - Returns: its position, and what a transaction read back of its own writes that it should not have.
  func perform(_ commit: Commit) throws -> (position: CommitPosition?, complaint: String?) {
    if let ingest = commit.ingest { return (try perform(ingest), nil) }
    guard commit.isTransaction else {
      let committed = try write(commit.durability) { batch in
        for write in commit.writes {
          switch write {
          case .set(let key, let value): try batch.set(key, to: value)
          case .remove(let key): try batch.remove(key)
          case .removeRange(let range): try batch.remove(range)
          case .append(let prefix, let value):
            try batch.set(CommitOrderedBytes(prefix: prefix), to: CommitOrderedBytes(value))
          }
        }
      }
      return (committed.position, nil)
    }
    let committed = try transact(commit.durability) { (tx: any KeyValueTransaction) -> String? in
      for write in commit.writes {
        switch write {
        case .set(let key, let value):
          try tx.set(key, to: value)
          if try tx.get(key) != value { return "a transaction does not read its own write" }
        case .remove(let key):
          try tx.remove(key)
          if try tx.get(key) != nil { return "a transaction reads what it removed" }
        case .removeRange(let range):
          try tx.remove(range)
          if try tx.first(in: range) != nil { return "a transaction reads in a range that it removed" }
          if try tx.last(in: range) != nil { return "a transaction reads in a range that it removed" }
        case .append(let prefix, let value):
          try tx.set(CommitOrderedBytes(prefix: prefix), to: CommitOrderedBytes(value))
        }
      }
      return nil
    }
    return (committed.position, committed.value)
  }

  private func perform(_ ingest: Commit.Ingest) throws -> CommitPosition? {
    try self.ingest(into: ingest.range, replacing: ingest.isReplacing) { output in
      for entry in ingest.entries { try output.append(key: entry.key, value: entry.value) }
    }.position
  }
}
