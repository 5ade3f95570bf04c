// Randomness that is the same in every run: everything the simulation draws, it draws from here.

public import CairnEngine
import Synchronization

/// A random number generator that a seed decides (SplitMix64: Steele, Lea, Flood, OOPSLA 2014). Fast; not
/// for secrets.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator whose numbers `seed` decides. Every seed is fine.
  public init(seed: UInt64) {
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// A number below `bound`; 0 when there is none.
  package mutating func below(_ bound: Int) -> Int {
    bound <= 1 ? 0 : Int.random(in: 0..<bound, using: &self)
  }

  /// Whether something happens that does so in `numerator` cases of `denominator`.
  package mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
    below(denominator) < numerator
  }

  /// A bijection that leaves no pattern of its argument.
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The engine's randomness in a simulation: a seed decides it.
public final class SeededRandomSource: RandomSource {
  private let generator: Mutex<SeededGenerator>

  /// A source whose numbers `seed` decides, in the order in which they are asked for.
  public init(seed: UInt64) {
    generator = Mutex(SeededGenerator(seed: seed))
  }

  public func next() -> UInt64 {
    generator.withLock { $0.next() }
  }
}
