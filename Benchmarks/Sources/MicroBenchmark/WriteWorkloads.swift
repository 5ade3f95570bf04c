import CairnEngine
import CairnKV
import CairnTesting

extension MicroWorkload {
  /// The way of a write, from the batch to the log and the skip list.
  static var writes: [MicroWorkload] {
    [
      MicroWorkload(
        "batch-build", "batch of 100 entries, built and given up", each: "entry", units: 100, (200, 700)
      ) {
        let store = try SmallStore()
        let value = [UInt8](repeating: 7, count: 112)
        let keys = (0..<100).map(SmallStore.key)
        return { _ in
          do {
            try store.engine.write(.buffered) { batch in
              for key in keys { try batch.set(key, to: value) }
              throw GivenUp()
            }
          } catch is GivenUp {}
        }
      },
      MicroWorkload("commit-buffered", "commit of one entry of 256 B, buffered", each: "commit", (500, 5500))
      {
        try oneEntry(.buffered)
      },
      MicroWorkload("commit-durable", "commit of one entry of 256 B, durable", each: "commit", (500, 5500)) {
        try oneEntry(.durable)
      },
      MicroWorkload(
        "skip-list-insert", "commit of 1,000 entries in random order, buffered", each: "entry", units: 1000,
        (2, 18)
      ) {
        let store = try SmallStore()
        let value = [UInt8](repeating: 7, count: 112)
        return { number in
          try store.engine.write(.buffered) { batch in
            for index in 0..<1000 {
              try batch.set(SmallStore.key(SmallStore.scattered(number * 1000 + index)), to: value)
            }
          }
        }
      },
      MicroWorkload(
        "frame-encode", "commit of one entry of 256 KiB, buffered: copied, checksummed, framed", each: "KiB",
        units: 256, (2, 22)
      ) {
        let store = try SmallStore()
        let value = [UInt8](repeating: 7, count: 256 << 10)
        return { number in try store.engine.write(.buffered) { try $0.set(SmallStore.key(number), to: value) }
        }
      },
      MicroWorkload(
        "segment-build", "sorted ingest of 5,000 entries: blocks, filter, index, zstd", each: "entry",
        units: 5000,
        (1, 5)
      ) {
        let store = try SmallStore()
        var random = SeededGenerator(seed: 2)
        let values = (0..<5000).map { SmallStore.value($0, &random) }
        return { number in
          let range = KeyRange(from: SmallStore.key(number * 5000), to: SmallStore.key((number + 1) * 5000))
          try store.engine.ingest(into: range) { output in
            for index in 0..<5000 {
              try output.append(key: SmallStore.key(number * 5000 + index), value: values[index])
            }
          }
        }
      },
    ]
  }

  private struct GivenUp: Error {}

  private static func oneEntry(_ durability: Durability) throws -> (Int) throws -> Void {
    let store = try SmallStore()
    let value = [UInt8](repeating: 7, count: 256)
    return { number in
      try store.engine.write(durability) {
        try $0.set(SmallStore.key(SmallStore.scattered(number)), to: value)
      }
    }
  }
}
