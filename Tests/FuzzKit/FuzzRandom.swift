/// The choices of one execution: a seed and the execution's number decide them all, so that each can be made again
/// without those before it (SplitMix64).
@usableFromInline
package struct FuzzRandom: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  @inlinable package init(seed: UInt64, index: UInt64) {
    state = Self.mixed(seed) &+ Self.mixed(index &+ 0x5851_F42D_4C95_7F2D)
  }

  @inlinable package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// A number below `bound`; 0 where there is none.
  @inlinable package mutating func below(_ bound: Int) -> Int {
    bound <= 1 ? 0 : Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Whether something happens that does so in `numerator` cases of `denominator`.
  @inlinable package mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
    below(denominator) < numerator
  }

  @inlinable static func mixed(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension Collection {
  /// One of the elements; `nil` where there is none.
  @inlinable package func any(using random: inout FuzzRandom) -> Element? {
    isEmpty ? nil : self[index(startIndex, offsetBy: random.below(count))]
  }
}
