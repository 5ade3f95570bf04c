import CairnEngine
import CairnKV

extension MicroWorkload {
  /// The ways of a read, with everything in the block cache unless said otherwise.
  static var reads: [MicroWorkload] {
    [
      MicroWorkload(
        "get-memtable", "get of a key in the memtable: skip list search", each: "get", (1000, 11_000)
      ) {
        let store = try SmallStore.inMemtable()
        return { index in
          let key = SmallStore.key(SmallStore.scattered(index % SmallStore.keyCount))
          guard try store.engine.read({ try $0.get(key) }) != nil else { throw WrongResult() }
        }
      },
      MicroWorkload("get-segment", "get of a key in a segment", each: "get", (1000, 11_000)) {
        let store = try warmSegment()
        return { index in
          guard try store.engine.read({ try $0.get(present(index)) }) != nil else { throw WrongResult() }
        }
      },
      MicroWorkload("lend-segment", "the same, lent instead of copied", each: "get", (1000, 11_000)) {
        let store = try warmSegment()
        return { index in
          let count = try store.engine.read { reader in
            try reader.withValue(of: present(index)) { $0?.byteCount ?? 0 }
          }
          guard count == 112 else { throw WrongResult() }
        }
      },
      MicroWorkload("get-absent", "get of a key that is not there", each: "get", (1000, 11_000)) {
        let store = try warmSegment()
        return { index in
          let key = SmallStore.key(2 * SmallStore.scattered(index % SmallStore.keyCount) + 1)
          guard try store.engine.read({ try $0.get(key) }) == nil else { throw WrongResult() }
        }
      },
      MicroWorkload("block-seek", "first entry from a key on", each: "seek", (500, 3500)) {
        let store = try warmSegment()
        return { index in
          let range = KeyRange(from: present(index), to: nil)
          guard try store.engine.read({ try $0.first(in: range) }) != nil else { throw WrongResult() }
        }
      },
      MicroWorkload("seek-50", "seek and 50 entries", each: "range", (100, 1100)) {
        let store = try warmSegment()
        return { index in
          let range = KeyRange(from: SmallStore.key(SmallStore.scattered(index)), to: nil)
          guard try count(range, limit: 50, in: store) == 50 else { throw WrongResult() }
        }
      },
      MicroWorkload("full-scan", "full scan", each: "entry", units: SmallStore.keyCount, (1, 6)) {
        let store = try warmSegment()
        return { _ in
          guard try count(.all, limit: nil, in: store) == SmallStore.keyCount else { throw WrongResult() }
        }
      },
      MicroWorkload(
        "block-decode", "scan of blocks that are not in the cache: read, checked, decompressed",
        each: "entry",
        units: 2000, (4, 44)
      ) {
        // Twice what the cache of the smallest memory limit holds, visited in turn: never there when it is needed.
        let keys = 60_000
        let store = try SmallStore.inSegment(keys, memoryLimit: 8 << 20)
        return { index in
          let range = KeyRange(from: SmallStore.key(2 * (index * 2000 % keys)), to: nil)
          guard try count(range, limit: 2000, in: store) == 2000 else { throw WrongResult() }
        }
      },
      MicroWorkload("newest-in-prefix", "last of the 100 entries of a prefix", each: "look-up", (500, 3500)) {
        let store = try SmallStore()
        let value = [UInt8](repeating: 7, count: 112)
        try store.engine.ingest(into: .all) { output in
          for number in 0..<SmallStore.keyCount {
            try output.append(key: prefixed(number / 100, number % 100), value: value)
          }
        }
        _ = try count(.all, limit: nil, in: store)
        return { index in
          let range = KeyRange.prefix(Tuple("run", .integer(Int64(index * 7919 % 200))).encoded())
          let last = try store.engine.read { try $0.last(in: range) }
          guard last?.key == prefixed(index * 7919 % 200, 99) else { throw WrongResult() }
        }
      },
    ]
  }

  private static func warmSegment() throws -> SmallStore {
    let store = try SmallStore.inSegment()
    _ = try count(.all, limit: nil, in: store)
    return store
  }

  private static func present(_ index: Int) -> [UInt8] {
    SmallStore.key(2 * SmallStore.scattered(index % SmallStore.keyCount))
  }

  private static func prefixed(_ prefix: Int, _ number: Int) -> [UInt8] {
    Tuple("run", .integer(Int64(prefix)), .integer(Int64(number))).encoded()
  }

  private static func count(_ range: KeyRange, limit: Int?, in store: SmallStore) throws -> Int {
    var count = 0
    try store.engine.read { reader in
      try reader.forEachEntry(in: range, .ascending, limit: limit) { _, _ in
        count += 1
        return .proceed
      }
    }
    return count
  }
}
