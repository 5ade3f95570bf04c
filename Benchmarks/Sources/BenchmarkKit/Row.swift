/// One line of the table: what is measured, in what unit, and what Cairn is to reach in it.
public struct Row: Codable, Sendable, Identifiable, Hashable {
  /// Stable from run to run: "durable-put-8".
  public var id: String
  /// The heading that the row stands under. Sections come in the order in which their first row was added.
  public var section: String
  /// For people: "durable put 256 B, 8 threads".
  public var name: String
  /// "/s", "ms", "MiB", "ratio", ...
  public var unit: String
  /// Whether the greater value is the better one.
  public var greaterIsBetter: Bool
  /// What Cairn is to reach.
  public var targets: [Target]
  /// What a reader must know so as not to be misled: what the row leaves out, what differs between subjects.
  public var note: String?
  /// Where the row stands in a chart of cost against size, if it belongs to one.
  public var scaling: Scaling?
  /// Whether the row is one of the few in README.
  public var isMain: Bool

  /// Describes a row.
  public init(
    _ id: String, section: String, name: String, unit: String, greaterIsBetter: Bool = true,
    targets: [Target] = [], note: String? = nil, scaling: Scaling? = nil, isMain: Bool = false
  ) {
    self.id = id
    self.section = section
    self.name = name
    self.unit = unit
    self.greaterIsBetter = greaterIsBetter
    self.targets = targets
    self.note = note
    self.scaling = scaling
    self.isMain = isMain
  }
}

/// The place of a row in a chart of cost against the number of keys: one chart an operation, one line a subject.
public struct Scaling: Codable, Sendable, Hashable {
  /// The operation, which names the chart: "point get".
  public var operation: String
  /// How many keys the store held.
  public var keys: Int

  /// Describes the place.
  public init(_ operation: String, keys: Int) {
    self.operation = operation
    self.keys = keys
  }
}

/// What Cairn is to reach in a row: a ratio, in its favour, to something measured in the same run.
public struct Target: Codable, Sendable, Hashable {
  /// What Cairn is compared with.
  public enum Against: Codable, Sendable, Hashable {
    /// The peer with the best median in this row.
    case bestPeer
    /// The best of the physical limits in this row.
    case limit
    /// One subject, by its name.
    case subject(String)
    /// Cairn itself in another row: beside a writer against alone, tasks against threads.
    case row(Row.ID)
    /// Nothing: the value itself counts.
    case absolute
  }

  /// What Cairn is compared with.
  public var against: Against
  /// The least ratio that will do. A ratio above 1 always says that Cairn is better, whichever way the row's
  /// unit counts. With `.absolute` the value itself: at least so much, or at most, where less is better.
  public var atLeast: Double

  /// Describes a target.
  public init(_ against: Against, _ atLeast: Double) {
    self.against = against
    self.atLeast = atLeast
  }
}
