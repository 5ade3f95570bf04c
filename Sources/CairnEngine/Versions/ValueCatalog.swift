/// Which value files a store has, what is live in them, and which file an origin's records are in.
///
/// An origin is known for as long as something of it is live, and is then in exactly one file; a file is
/// listed for as long as an origin that is known is in it. So nothing that is dead is ever named, and a drop
/// that comes while its file is being rewritten says the same before and after.
struct ValueCatalog: Equatable, Sendable {
  private(set) var files: [UInt64: ValueFileProperties] = [:]
  /// By origin.
  private(set) var liveness: [UInt64: ValueLiveness] = [:]
  /// The number of the file that the live records of an origin are in.
  private(set) var places: [UInt64: UInt64] = [:]

  /// Applies what an edit says of value files; `false`, with the catalog unusable, when it contradicts it.
  mutating func apply(_ edit: VersionEdit) -> Bool {
    for number in edit.removedValueFiles {
      guard files.removeValue(forKey: number) != nil else { return false }
    }
    for added in edit.addedOrigins {
      guard !added.isEmpty, liveness.updateValue(added, forKey: added.origin) == nil else { return false }
    }
    for file in edit.addedValueFiles {
      guard place(file) else { return false }
    }
    let isMoved = !edit.removedValueFiles.isEmpty || !edit.addedOrigins.isEmpty
    if isMoved && !liveness.keys.allSatisfy({ places[$0].map { files[$0] != nil } ?? false }) { return false }
    for drops in edit.valueDrops {
      guard liveness[drops.origin]?.drop(drops) == true else { return false }
    }
    let died = edit.valueDrops.map(\.origin).filter { liveness[$0]?.isEmpty ?? true }
    if died.isEmpty { return true }
    for origin in died {
      liveness[origin] = nil
      places[origin] = nil
    }
    let used = Set(places.values)
    files = files.filter { used.contains($0.key) }
    return true
  }

  /// What is live of the records in a file, in bytes.
  func liveBytes(of file: ValueFileProperties) -> UInt64 {
    liveOrigins(of: file).reduce(0) { $0 &+ $1.liveBytes }
  }

  /// The origins whose live records are in a file, ascending.
  func liveOrigins(of file: ValueFileProperties) -> [ValueLiveness] {
    file.origins.compactMap { places[$0.number] == file.fileNumber ? liveness[$0.number] : nil }
  }

  /// Whether something would be live in a file that has just been written in the place of others.
  func isAnythingLive(in file: ValueFileProperties) -> Bool {
    file.origins.contains { liveness[$0.number] != nil }
  }

  /// Lists a file that is new. An origin that is not known has nothing live in it.
  private mutating func place(_ file: ValueFileProperties) -> Bool {
    guard files.updateValue(file, forKey: file.fileNumber) == nil, isAnythingLive(in: file) else {
      return false
    }
    for origin in file.origins {
      guard let known = liveness[origin.number] else { continue }
      if let former = places[origin.number], files[former] != nil { return false }
      guard (known.liveCount...known.recordCount).contains(origin.recordCount),
        (known.liveBytes...known.storedBytes).contains(origin.storedBytes)
      else { return false }
      places[origin.number] = file.fileNumber
    }
    return true
  }
}
