import CairnKV

/// Compares every entry of a store with the models of its lanes, in one scan and by looking each key up.
struct CrashContents {
  /// What the store holds of the commit order: keys and values as they are.
  struct Result {
    var violations: [CrashViolation] = []
    var order: [KeyValue] = []
  }

  let script: CrashScript
  /// One for each lane, in the lanes' order.
  let models: [CrashModel]

  /// - Throws: what a read threw.
  func compare(with reader: any KeyValueReader) throws(StorageError) -> Result {
    // Lanes come in the order of their keys.
    let expected = models.flatMap(\.entries)
    var result = Result()
    var index = 0
    func fail(_ kind: CrashViolation.Kind, _ what: String) {
      if result.violations.count < CrashCheck.limit { result.violations.append(CrashViolation(kind, what)) }
    }
    try reader.forEachEntry(in: .all, .ascending, limit: nil) { keySpan, valueSpan in
      let key = keySpan.withUnsafeBytes { [UInt8]($0) }
      if CrashLane.orderRange.contains(key) {
        result.order.append(KeyValue(key: key, value: valueSpan.withUnsafeBytes { [UInt8]($0) }))
        return .proceed
      }
      while index < expected.count, expected[index].key.lexicographicallyPrecedes(key) {
        fail(.missing, "\(expected[index].words) is missing from the scan")
        index += 1
      }
      valueSpan.withUnsafeBytes { value in
        guard index < expected.count, expected[index].key == key else {
          let stray = stray(key, [UInt8](value.prefix(16)))
          return fail(stray.kind, stray.what)
        }
        if let difference = expected[index].difference(from: value, script) {
          fail(.wrongBytes, "\(expected[index].words): \(difference)")
        }
        index += 1
      }
      return .proceed
    }
    while index < expected.count {
      fail(.missing, "\(expected[index].words) is missing from the scan")
      index += 1
    }
    try lookUp(expected, in: reader, fail)
    return result
  }

  private func lookUp(
    _ expected: [CrashEntry], in reader: any KeyValueReader, _ fail: (CrashViolation.Kind, String) -> Void
  ) throws(StorageError) {
    for entry in expected {
      guard let found = try reader.get(entry.key) else {
        fail(.missing, "\(entry.words) is not found")
        continue
      }
      if let difference = found.withUnsafeBytes({ entry.difference(from: $0, script) }) {
        fail(.wrongBytes, "\(entry.words), looked up: \(difference)")
      }
    }
    guard script.isMixed else { return }
    for model in models {
      for slot in 0..<CrashLane.slots where model.stamps[.slot(slot)] == nil {
        guard let found = try reader.get(model.lane.key(of: .slot(slot))) else { continue }
        fail(.resurrected, "slot \(slot) of lane \(model.lane.number) is found, of \(found.count) bytes")
      }
    }
  }

  /// What a key is that should not be there.
  private func stray(_ key: [UInt8], _ value: [UInt8]) -> CrashViolation {
    let place = (try? Tuple(decoding: key)).map { "\($0.elements)" } ?? "\(key.prefix(64))"
    guard let model = models.first(where: { $0.lane.range.contains(key) }) else {
      return CrashViolation(.stray, "the key \(place) is in no lane")
    }
    let end = "lane \(model.lane.number) ends with operation \(model.last)"
    guard let operation = writer(of: key, in: model, value) else {
      return CrashViolation(.stray, "the key \(place), which nobody wrote; \(end)")
    }
    return operation > model.last
      ? CrashViolation(.halfCommit, "the key \(place) of operation \(operation); \(end)")
      : CrashViolation(.resurrected, "the key \(place) of operation \(operation), which went before; \(end)")
  }

  /// The operation that wrote a value, by its first bytes; for a value too short to say, by its key alone.
  private func writer(of key: [UInt8], in model: CrashModel, _ value: [UInt8]) -> UInt64? {
    if let stamp = SoakValue(seed: script.seed, slot: 0, stamp: 0).stamp(of: value) { return stamp >> 8 }
    guard let elements = try? Tuple(decoding: key).elements, elements.count > 2 else { return nil }
    if elements[1] == "new", case .integer(let number) = elements[2], number > 0 { return UInt64(number) }
    if elements[1] == "loaded" { return max(model.loaded, 1) }
    return elements[1] == "slot" ? max(model.last, 1) : nil
  }
}
