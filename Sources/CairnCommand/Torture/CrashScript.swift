/// What a torture writes: every operation follows from the seed and its number alone.
struct CrashScript: Hashable, Sendable {
  let seed: UInt64
  /// Whether there are removals, transactions, buffered commits, flushes and ingests, or sets only.
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
    return operation
  }

  /// The value that a step of an operation sets.
  func value(_ stamp: CrashStamp) -> SoakValue {
    SoakValue(seed: seed, slot: 0, stamp: stamp.operation << 8 | UInt64(stamp.step), length: stamp.length)
  }
}

/// Who wrote a value, and how long it is: all that is needed to have it again.
struct CrashStamp: Hashable, Sendable {
  let operation: UInt64
  /// The step's index within the operation.
  let step: UInt8
  let length: Int
}

/// One operation: one commit, or one ingest.
struct CrashOperation: Equatable, Sendable {
  enum Step: Equatable, Sendable {
    case set(CrashPlace, CrashStamp)
    case remove(CrashPlace)
    case removeSlots(Range<Int>)
  }

  enum Manner: Equatable, Sendable {
    case batch
    /// The slots that are read before something is written.
    case transaction(reads: [Int])
    case flushedBatch(keepingLogFiles: Bool)
    /// An ingest, which replaces what the lane's last one loaded.
    case load
  }

  let number: UInt64
  var manner = Manner.batch
  /// In the order in which they take effect. At most 255.
  var steps: [Step] = []
  /// Whether a power cut may take it back, though never the end of the process.
  var isBuffered = false

  var lane: CrashLane { CrashLane(of: number) }

  init(number: UInt64) { self.number = number }

  fileprivate mutating func setNew(_ count: Int, _ random: inout SeededGenerator) {
    for index in 0..<count {
      set(.new(operation: number, index: index), &random)
    }
  }

  fileprivate mutating func setSlots(_ counts: ClosedRange<Int>, _ random: inout SeededGenerator) {
    for _ in 0..<random.pick(counts) {
      set(.slot(random.pick(0...(CrashLane.slots - 1))), &random)
    }
  }

  fileprivate mutating func set(_ place: CrashPlace, _ random: inout SeededGenerator) {
    let stamp = CrashStamp(
      operation: number, step: UInt8(truncatingIfNeeded: steps.count), length: Self.length(&random))
    steps.append(.set(place, stamp))
  }

  /// Empty, short, and of every size up to 120 KiB, so that some go to value files and a few fill a memtable alone.
  private static func length(_ random: inout SeededGenerator) -> Int {
    switch random.pick(0...999) {
    case 0...49: 0
    case 50...479: random.pick(1...64)
    case 480...869: random.pick(65...1500)
    case 870...969: random.pick(2048...8191)
    case 970...995: random.pick(8192...32_767)
    default: random.pick(32_768...122_880)
    }
  }
}
