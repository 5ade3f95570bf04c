import Foundation

/// What writers have said, all runs on one store together: which operations began, and which were done.
///
/// Lines stand in the order in which they were written. A line that is done before another one begins is so of
/// an operation that was done before the other one began, also of other threads.
struct CrashRecord {
  struct Operation: Equatable {
    /// The line that says that it began: the last one, if several runs began it.
    var begun: Int
    /// The line that says that it was done.
    var done: Int?
    /// Whether it must survive the power as well.
    var isDurable = false
  }

  /// A buffered operation that was done, and begun again by a later run.
  struct Repetition: Equatable {
    let operation: UInt64
    /// The line that says that it was done at first.
    let done: Int
  }

  private(set) var operations: [UInt64: Operation] = [:]
  private(set) var lineCount = 0
  /// Operations that were done and began again: the store had lost them.
  private(set) var lost: [UInt64] = []
  private(set) var lostBuffered: [Repetition] = []
  /// The lines that say that a store was opened.
  private(set) var openings: [Int] = []
  /// The last line that says of an operation that it was done before a backup began that is finished; 0 for none. What was
  /// done up to it is in the backup.
  private(set) var lastLineBackedUp = 0
  /// How many backups were finished.
  private(set) var backups = 0
  /// The last operation of each lane that began, counted within the lane.
  private(set) var begun = [UInt64](repeating: 0, count: CrashLane.count)

  init() {}

  /// Reads what was captured of writers' standard output.
  ///
  /// The end of a line may be missing where its writer was killed: at the end of all, and before a `RESUME`, with which
  /// the next one begins. What is there of such a line promises nothing.
  init(captured bytes: Data) throws(CommandFailure) {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let torn = lines.popLast() ?? Data()
    for (index, bytes) in lines.enumerated() {
      var text = Substring(decoding: bytes, as: UTF8.self)
      if CrashLine(text) == nil, let resume = text.range(of: "RESUME ", options: .backwards) {
        take(torn: text[..<resume.lowerBound])
        text = text[resume.lowerBound...]
      }
      guard let line = CrashLine(text) else {
        throw CommandFailure(
          "line \(index + 1) is none that a writer prints: \(shown(String(text.prefix(80))))")
      }
      take(line)
    }
    take(torn: Substring(decoding: torn, as: UTF8.self))
  }

  mutating func take(_ line: CrashLine) {
    lineCount += 1
    switch line {
    case .resume: openings.append(lineCount)
    case .begin(let number):
      if let before = operations[number], let done = before.done {
        if before.isDurable {
          lost.append(number)
        } else {
          lostBuffered.append(Repetition(operation: number, done: done))
        }
      }
      operations[number] = Operation(begun: lineCount)
      noteBegun(number)
    case .acknowledged(let number): finish(number, isDurable: true)
    case .buffered(let number): finish(number, isDurable: false)
    case .backedUp(let number):
      backups += 1
      // Without the line that says that it was done, which somebody lost, nothing is known of when the backup began.
      lastLineBackedUp = max(lastLineBackedUp, operations[number]?.done ?? 0)
    }
  }

  private mutating func finish(_ number: UInt64, isDurable: Bool) {
    // Without its beginning, which is a line that somebody lost, it began at the latest here.
    let begun = operations[number]?.begun ?? lineCount
    operations[number] = Operation(begun: begun, done: lineCount, isDurable: isDurable)
    noteBegun(number)
  }

  /// An operation may have begun although the end of its line is missing, if whoever captured the line dropped it.
  private mutating func take(torn text: Substring) {
    guard case .begin(let number)? = CrashLine(text), operations[number] == nil else { return }
    take(.begin(number))
  }

  private mutating func noteBegun(_ number: UInt64) {
    let lane = CrashLane(of: number).number
    begun[lane] = max(begun[lane], CrashLane.index(of: number))
  }
}
