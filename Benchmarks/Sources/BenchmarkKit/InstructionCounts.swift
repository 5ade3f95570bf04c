/// How many instructions each micro-benchmark takes: stored, so that a regression shows on a machine whose clock says
/// nothing.
public struct InstructionCounts: Codable, Sendable, Hashable {
  /// One micro-benchmark.
  public struct Entry: Codable, Sendable, Hashable, Identifiable {
    /// Stable: "point-get-memtable".
    public var id: String
    /// For people.
    public var name: String
    /// What is counted for each: "get", "entry", "KiB".
    public var unit: String
    /// Instructions for each.
    public var instructions: Double
    /// The share of each ``InstructionKind`` in them, by its raw value.
    public var shares: [String: Double]?

    /// Describes one.
    public init(
      id: String, name: String, unit: String, instructions: Double, shares: [String: Double]? = nil
    ) {
      self.id = id
      self.name = name
      self.unit = unit
      self.instructions = instructions
      self.shares = shares
    }
  }

  /// How far a count may be above or below the stored one.
  public static let tolerance = 0.05

  /// The compiler, which decides the counts.
  public var compiler: String
  /// The architecture, the processor's features that code chooses by, and the C library: "x86_64, sse4_2, glibc 2.36".
  public var platform: String
  /// The counts.
  public var entries: [Entry]

  /// Counts that were taken together.
  public init(compiler: String, platform: String, entries: [Entry]) {
    self.compiler = compiler
    self.platform = platform
    self.entries = entries
  }

  /// Why these counts say nothing about `other`; `nil` when they may be compared.
  public func reasonNotToCompare(with other: InstructionCounts) -> String? {
    if compiler != other.compiler {
      return "they were stored with \(compiler), and this is \(other.compiler)"
    }
    if platform != other.platform {
      return "they were stored on \(platform), and this is \(other.platform)"
    }
    return nil
  }

  /// What became of one count.
  public enum Change: Sendable, Hashable {
    /// Within the tolerance. The share by which it grew.
    case same(Double)
    /// More than it may be. The share by which it grew.
    case worse(Double)
    /// Fewer, by more than the tolerance, so that the stored count would hide a regression. The share by which it
    /// grew, which is below 0.
    case better(Double)
    /// It is stored, but was not counted, or the other way round.
    case unmatched
  }

  /// What became of each stored count, and of each new one.
  public func changes(to newer: InstructionCounts) -> [(entry: Entry, change: Change)] {
    let ids = newer.entries + entries.filter { old in !newer.entries.contains { $0.id == old.id } }
    return ids.map { entry in
      guard let old = entries.first(where: { $0.id == entry.id }),
        let new = newer.entries.first(where: { $0.id == entry.id }), old.instructions > 0
      else { return (entry, .unmatched) }
      let growth = new.instructions / old.instructions - 1
      if growth > Self.tolerance { return (entry, .worse(growth)) }
      return (entry, growth < -Self.tolerance ? .better(growth) : .same(growth))
    }
  }
}
