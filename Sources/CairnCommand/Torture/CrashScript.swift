/// What a torture writes: every operation follows from the seed and its number alone.
struct CrashScript: Hashable, Sendable {
  let seed: UInt64
  /// Whether there are removals, transactions, buffered commits, flushes, ingests and backups, or sets only.
  let isMixed: Bool

  /// Operation `number`, from 1.
  func operation(_ number: UInt64) -> CrashOperation {
    var random = SeededGenerator(seed: SoakValue.mix(seed ^ SoakValue.mix(number)))
    var operation = CrashOperation(number: number)
    guard isMixed else {
      operation.setNew(random.pick(2...5), &random)
      return operation
    }
    operation.isBuffered = random.pick(0...3) == 0
    switch random.pick(0...99) {
    case 0...29: operation.setSlots(1...5, &random)
    case 30...44:
      for _ in 0..<random.pick(1...3) {
        operation.steps.append(.remove(.slot(random.pick(0...(CrashLane.slots - 1)))))
      }
      operation.setSlots(0...2, &random)
    case 45...54:
      let first = random.pick(0...(CrashLane.slots - 1))
      operation.steps.append(.removeSlots(first..<min(first + random.pick(1...24), CrashLane.slots)))
      operation.setSlots(0...2, &random)
    case 55...71:
      operation.manner = .transaction(
        reads: (0..<random.pick(1...3)).map { _ in random.pick(0...(CrashLane.slots - 1)) })
      operation.setSlots(1...3, &random)
      operation.steps.append(.remove(.slot(random.pick(0...(CrashLane.slots - 1)))))
    case 72...75:
      operation.isBuffered = false
      operation.manner = .flushedBatch(keepingLogFiles: random.pick(0...1) == 0)
      operation.setSlots(1...4, &random)
    case 76...79:
      operation.isBuffered = false
      operation.manner = .load
      for index in 0..<random.pick(1...24) {
        operation.set(.loaded(index), &random)
      }
    default: operation.setNew(random.pick(1...3), &random)
    }
    operation.isBackedUp = random.pick(0...15) == 0
    return operation
  }

  /// The value that a step of an operation sets.
  func value(_ stamp: CrashStamp) -> SoakValue {
    SoakValue(seed: seed, slot: 0, stamp: stamp.operation << 8 | UInt64(stamp.step), length: stamp.length)
  }
}
