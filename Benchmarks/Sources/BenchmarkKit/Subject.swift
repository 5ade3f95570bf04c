/// Who or what is measured: a store in one configuration, or a physical limit.
public struct Subject: Codable, Sendable, Hashable, Identifiable {
  /// "Cairn", "RocksDB", "RocksDB recycled logs", "limit direct".
  public typealias Name = String

  /// How a subject enters the comparison.
  public enum Role: String, Codable, Sendable {
    /// Cairn. Where several of these have a value in a row, the best of them is compared.
    case ours
    /// A peer: the best of them counts.
    case peer
    /// A peer that promises less than the others: shown, and never the best peer.
    case weakerPeer
    /// What the machine itself allows.
    case limit
  }

  /// The name that values are recorded under.
  public var name: Name
  /// How it enters the comparison.
  public var role: Role
  /// "7.8.3"; empty for a limit.
  public var version: String
  /// Every setting that differs from the default, and what makes it comparable. Printed once.
  public var configuration: String

  /// The name.
  public var id: Name { name }

  /// Describes a subject.
  public init(_ name: Name, _ role: Role, version: String = "", configuration: String = "") {
    self.name = name
    self.role = role
    self.version = version
    self.configuration = configuration
  }
}
