import CairnEngine
import CairnKV

/// Fills a store, removes everything by one range, and waits for the disk's space without a call.
struct RemovalSoak {
  let seed: UInt64
  let bytes: UInt64
  let memoryLimit: Int
  /// How long the space may take to come back.
  let seconds: Int

  /// The store settles for so long at most after it was filled: its idle work begins after ten seconds.
  private static let settlingSeconds = 20
  private static let batchBytes = 1 << 20

  func run(in folder: SoakFolder, _ console: Console) throws -> SoakReport {
    var options = EngineOptions()
    options.memoryLimit = memoryLimit
    let path = folder.path + "/store"
    let engine: Engine = try Engine.open(at: path, options: options)
    let entries = try fill(engine)
    let settled = DiskCurve.watch(path, seconds: Self.settlingSeconds) { _ in false }
    let before = settled.last?.usage.bytes ?? 0
    try engine.write { try $0.remove(KeyRange.all) }
    let goal = before / 20
    let curve = DiskCurve.watch(path, seconds: seconds) { $0.bytes <= goal }
    let left = try engine.read { try $0.first(in: .all) }
    try engine.close()

    console.line("Seconds after the removal, and what the store takes on disk:")
    for point in Self.shape(curve) {
      console.line("  " + rightAligned(point.milliseconds / 1000, 4) + "  " + Figure.bytes(point.usage.bytes))
    }
    let last = curve.last?.usage.bytes ?? 0
    let fallen = before > last ? Double(before - last) / Double(max(before, 1)) : 0
    var report = SoakReport()
    report.tell("entries", Figure.count(UInt64(entries)))
    report.tell("bytes given to commits", Figure.bytes(bytes))
    report.tell("disk before the removal", Figure.bytes(before))
    report.tell("disk after it", Figure.bytes(last))
    report.tell("time", Figure.decimal(Double(curve.last?.milliseconds ?? 0) / 1000, 1) + " s")
    report.require("keys that are left", left == nil ? "0" : "some", "0", left == nil)
    report.require(
      "disk fell within \(seconds) s by", Figure.decimal(fallen * 100, 1) + " %", ">= 95 %", last <= goal)
    return report
  }

  /// Small and large values, about half of the bytes each.
  private func fill(_ engine: Engine) throws -> Int {
    var filled: UInt64 = 0
    var slot = 0
    while filled < bytes {
      try engine.write { batch in
        var size = 0
        while size < Self.batchBytes && filled < bytes {
          let value = SoakValue(seed: seed, slot: slot, stamp: 1, length: Self.length(seed, slot)).bytes
          let key = Tuple("removal", .integer(Int64(slot / 100)), .integer(Int64(slot))).encoded()
          try batch.set(key, to: value)
          size += key.count + value.count
          filled += UInt64(key.count + value.count)
          slot += 1
        }
      }
    }
    return slot
  }

  /// 20 to 500 bytes, and once in 200 some 2 to 100 KiB.
  private static func length(_ seed: UInt64, _ slot: Int) -> Int {
    let draw = SoakValue.mix(seed ^ UInt64(slot))
    return draw % 200 == 0 ? 2048 + Int((draw >> 8) % 100_000) : 20 + Int((draw >> 8) % 481)
  }

  /// The points where something changed, and the last.
  private static func shape(_ curve: [DiskCurve.Point]) -> [DiskCurve.Point] {
    curve.indices.filter { index in
      index == 0 || index == curve.count - 1 || curve[index].usage.bytes != curve[index - 1].usage.bytes
    }.map { curve[$0] }
  }
}
