/// Something whose instructions are counted.
///
/// Two runs with different numbers of operations differ by just those operations: what comes before, the start of the
/// process and the making of a store included, drops out of the difference.
struct MicroWorkload {
  /// Stable: it names the stored count.
  let id: String
  /// For people.
  let name: String
  /// What is counted for each.
  let unit: String
  /// How many of the unit one operation has.
  let unitsPerOperation: Int
  /// How many operations the two runs do.
  let operations: (fewer: Int, more: Int)
  /// Makes ready, and returns what does one operation, which is given its number.
  let prepare: () throws -> (Int) throws -> Void

  init(
    _ id: String, _ name: String, each unit: String, units unitsPerOperation: Int = 1,
    _ operations: (Int, Int),
    prepare: @escaping () throws -> (Int) throws -> Void
  ) {
    self.id = id
    self.name = name
    self.unit = unit
    self.unitsPerOperation = unitsPerOperation
    self.operations = (operations.0, operations.1)
    self.prepare = prepare
  }

  /// Does so many operations.
  func run(_ count: Int) throws {
    let operation = try prepare()
    for index in 0..<count { try operation(index) }
  }

  /// All of them.
  static var all: [MicroWorkload] { writes + reads + encodings }
}

/// Keeps a result from being optimised away.
@inline(never)
func use<Value>(_ value: Value) {}

/// A workload found something else than it had put there.
struct WrongResult: Error {}
