import CairnKV

extension EngineWorkload {
  private static func entries(_ indices: some Sequence<Int>, _ byte: Int, _ bytes: [Int]) -> [KeyValue] {
    indices.map { KeyValue(key: key($0), value: fill(byte, bytes[$0 % bytes.count])) }
  }

  /// Beside commits that are in a memtable, durable and buffered ones, with several segments and a value file.
  static var replacingIngests: EngineWorkload {
    EngineWorkload("replacing-ingests") { workload in
      workload.commit(.durable, .set(key(1), fill(1, 100)), .set(key(9), fill(1, 3000)))
      workload.commit(.buffered, .set(key(3), fill(2, 200)))
      workload.ingest(
        into: .init(from: key(2), to: key(8)), replacing: true, entries(2..<8, 7, [300, 6000, 2500]))
      workload.commit(.buffered, .set(key(4), fill(3, 100)))
      workload.ingest(into: .init(from: key(3), to: key(6)), replacing: true, entries([3, 5], 8, [900]))
      workload.commit(.durable, .remove(key(5)))
    }
  }

  /// Alone in an empty store, and one after the other: the log holds nothing but their numbers.
  static var ingestsAlone: EngineWorkload {
    EngineWorkload("ingests-alone") { workload in
      workload.ingest(into: .all, replacing: false, entries(0..<3, 1, [50]))
      workload.ingest(into: .prefix([0xFF]), replacing: false, [KeyValue(key: [0xFF, 1], value: [1])])
      workload.steps.append(.reopen)
      workload.ingest(into: .init(from: key(1), to: nil), replacing: true, [])
      workload.ingest(into: .prefix([0xFE]), replacing: false, [])
      workload.ingest(into: .prefix([0xFE]), replacing: false, [KeyValue(key: [0xFE], value: [])])
    }
  }
}
