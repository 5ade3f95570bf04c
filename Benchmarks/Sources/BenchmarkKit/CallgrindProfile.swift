/// What callgrind counted in each function itself, without what it calls, by kind.
public struct CallgrindProfile {
  /// How many there are of each kind.
  public private(set) var instructions: [InstructionKind: Int] = [:]

  /// - Parameter text: a file of callgrind's, as `callgrind_annotate` reads it: `fn=(7) name` begins a function, or
  ///   `fn=(7)` one that was named before; a line of numbers ends with instructions of the function, unless it follows
  ///   `calls=`, which says what the called one took.
  public init(_ text: String) {
    var kinds: [Substring: InstructionKind] = [:]
    var kind = InstructionKind.other
    var isOfCalled = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("fn=") {
        let parts = line.dropFirst(3).split(separator: " ", maxSplits: 1)
        guard let id = parts.first else { continue }
        if parts.count == 2 { kinds[id] = InstructionKind(function: String(parts[1])) }
        kind = kinds[id] ?? .other
      } else if line.hasPrefix("cfn="), line.contains(" ") {
        // A function may be named where it is called first.
        let parts = line.dropFirst(4).split(separator: " ", maxSplits: 1)
        if parts.count == 2 { kinds[parts[0]] = InstructionKind(function: String(parts[1])) }
      } else if line.hasPrefix("calls=") {
        isOfCalled = true
      } else if let first = line.utf8.first,
        first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
          || first == UInt8(ascii: "*") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
      {
        if !isOfCalled, let count = line.split(separator: " ").last.flatMap({ Int($0) }) {
          instructions[kind, default: 0] += count
        }
        isOfCalled = false
      }
    }
  }

  /// The share of each kind in what this has more than `other`.
  public func shares(beyond other: CallgrindProfile) -> [String: Double] {
    let more = instructions.map { kind, count in (kind, max(0, count - (other.instructions[kind] ?? 0))) }
    let total = more.reduce(0) { $0 + $1.1 }
    if total == 0 { return [:] }
    return Dictionary(
      uniqueKeysWithValues: more.map { ($0.rawValue, (Double($1) / Double(total) * 1000).rounded() / 1000) })
  }
}
