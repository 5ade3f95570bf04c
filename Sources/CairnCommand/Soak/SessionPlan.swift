/// How one session of the mixed soak is to end.
struct SessionPlan: Equatable {
  /// When its process is killed.
  enum Kill: Equatable {
    /// So long after its start: while it opens the store, or checks it.
    case afterStart(milliseconds: Int)
    /// So long after it began to write.
    case afterVerified(milliseconds: Int)
  }

  /// `nil`: it ends by itself, with a clean close.
  var kill: Kill?
  /// How long to write after each opening.
  var legMilliseconds: [Int]

  /// Draws the next one. One in five ends by itself, after closing and opening the store a few times; of the
  /// kills one in three falls into the opening or the check after it.
  static func draw(greatestMilliseconds: Int, using random: inout SeededGenerator) -> SessionPlan {
    let greatest = max(greatestMilliseconds, 20)
    if random.pick(0...4) == 0 {
      let legs = random.pick(1...3)
      return SessionPlan(
        kill: nil, legMilliseconds: (0..<legs).map { _ in random.duration(upTo: greatest / legs) })
    }
    let isEarly = random.pick(0...2) == 0
    let delay = random.duration(upTo: isEarly ? min(greatest, 500) : greatest)
    return SessionPlan(
      kill: isEarly ? .afterStart(milliseconds: delay) : .afterVerified(milliseconds: delay),
      // Longer than it will be let live, and some are killed around a reopening.
      legMilliseconds: random.pick(0...3) == 0 ? [max(1, delay / 2), 60_000] : [120_000])
  }
}

extension SeededGenerator {
  /// From some milliseconds to `greatest`, each octave as often as any other.
  fileprivate mutating func duration(upTo greatest: Int) -> Int {
    var octaves = 0
    while 8 << (octaves + 1) <= greatest { octaves += 1 }
    let start = 8 << pick(0...octaves)
    return min(greatest, start + pick(0...start))
  }
}
