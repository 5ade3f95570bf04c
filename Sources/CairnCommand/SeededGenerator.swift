/// A random number generator that gives the same numbers for the same seed, on every platform and in every
/// release: SplitMix64 (Steele, Lea, Flood 2014). For test data and kill moments, never for secrets.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed &>> 31)
  }

  /// A number in `range`, which must not be empty.
  ///
  /// Not `Int.random(in:using:)`: the standard library does not promise to draw the same way forever.
  mutating func pick(_ range: ClosedRange<Int>) -> Int {
    let span = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int(next() % span)
  }

  /// One of `choices`, which must not be empty.
  mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[pick(0...(choices.count - 1))] }

  /// Draws `count` different ones of `choices`, or all of them if there are fewer.
  mutating func draw<Choice>(_ count: Int, of choices: [Choice]) -> [Choice] {
    var rest = choices
    var drawn: [Choice] = []
    while drawn.count < count, !rest.isEmpty { drawn.append(rest.remove(at: pick(0...(rest.count - 1)))) }
    return drawn
  }
}
