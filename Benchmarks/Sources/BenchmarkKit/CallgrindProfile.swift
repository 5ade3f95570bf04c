/// What callgrind counted in each function itself, without what it calls, by kind.
public struct CallgrindProfile {
  /// How many there are of each kind.
  public private(set) var instructions: [InstructionKind: Int] = [:]

  /// - Parameter text: a file of callgrind's, as `callgrind_annotate` reads it: `fn=(7) name` begins a function, or
  ///   `fn=(7)` one that was named before; a line of numbers ends with instructions of the function, unless it follows
  ///   `calls=`, which says what the called one took. `ob=` says in the same way in which library the next functions are;
  ///   libzstd's have no names.
  public init(_ text: String) {
    var kinds: [Substring: InstructionKind] = [:]
    var kind = InstructionKind.other
    var isOfCalled = false
    var compressors: Set<Substring> = []
    var isInCompressor = false
    var isCalledInCompressor = false
    /// The id that a line names, and its name if it is given.
    func named(_ line: Substring, behind count: Int) -> (id: Substring, name: Substring?) {
      let parts = line.dropFirst(count).split(separator: " ", maxSplits: 1)
      return (parts.first ?? "", parts.count == 2 ? parts[1] : nil)
    }
    func isCompressor(_ line: Substring, behind count: Int) -> Bool {
      let (id, name) = named(line, behind: count)
      if name?.contains("libzstd") ?? false { compressors.insert(id) }
      return compressors.contains(id)
    }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("ob=") {
        isInCompressor = isCompressor(line, behind: 3)
      } else if line.hasPrefix("cob=") {
        isCalledInCompressor = isCompressor(line, behind: 4)
      } else if line.hasPrefix("fn=") {
        let (id, name) = named(line, behind: 3)
        if let name { kinds[id] = isInCompressor ? .compression : InstructionKind(function: String(name)) }
        kind = kinds[id] ?? .other
        isCalledInCompressor = isInCompressor
      } else if line.hasPrefix("cfn=") {
        // A function may be named where it is called first.
        let (id, name) = named(line, behind: 4)
        if let name {
          kinds[id] = isCalledInCompressor ? .compression : InstructionKind(function: String(name))
        }
        isCalledInCompressor = isInCompressor
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
