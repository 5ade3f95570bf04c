/// What happened in the world outside, which no crash takes back.
public struct SimulationFacts: Sendable, Hashable {
  /// One thing that happened.
  public struct Fact: Sendable, Hashable {
    /// What kinds there are.
    public enum Kind: String, Sendable, Hashable {
      /// Something was done to the world: ``SimulatedWorld/effect(_:)``.
      case effect
      /// Something was told to the world: ``SimulatedWorld/note(_:)``.
      case note
    }

    /// Whether it was done or told.
    public let kind: Kind
    /// What was done or told.
    public let text: String
    /// In which life of the workload, from 1 on.
    public let life: Int
  }

  /// All of it, in order.
  public internal(set) var all: [Fact] = []
  /// How many lives the workload has had so far: one more than it was started again.
  public internal(set) var lives = 0

  /// Nothing yet.
  public init() {}

  /// What was done, in order, as often as it was done.
  public var effects: [String] { all.filter { $0.kind == .effect }.map(\.text) }

  /// What was told, in order, as often as it was told.
  public var notes: [String] { all.filter { $0.kind == .note }.map(\.text) }

  /// How often something was done.
  public func count(of effect: String) -> Int {
    all.count { $0.kind == .effect && $0.text == effect }
  }
}
