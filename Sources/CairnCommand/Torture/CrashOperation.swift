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
  /// Whether a backup is taken once it is done.
  var isBackedUp = false

  var lane: CrashLane { CrashLane(of: number) }

  init(number: UInt64) { self.number = number }

  mutating func setNew(_ count: Int, _ random: inout SeededGenerator) {
    for index in 0..<count {
      set(.new(operation: number, index: index), &random)
    }
  }

  mutating func setSlots(_ counts: ClosedRange<Int>, _ random: inout SeededGenerator) {
    for _ in 0..<random.pick(counts) {
      set(.slot(random.pick(0...(CrashLane.slots - 1))), &random)
    }
  }

  mutating func set(_ place: CrashPlace, _ random: inout SeededGenerator) {
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

/// Who wrote a value, and how long it is: all that is needed to have it again.
struct CrashStamp: Hashable, Sendable {
  let operation: UInt64
  /// The step's index within the operation.
  let step: UInt8
  let length: Int
}
