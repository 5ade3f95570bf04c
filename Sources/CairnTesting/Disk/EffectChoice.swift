// What a crash keeps of the effects that no synchronization settled.

/// Which of a list of effects a crash keeps, and of writes which sectors.
///
/// In its canonical form: of each sector only the last write that is kept counts, since the sector is written whole,
/// and keeping a write in it keeps what earlier writes put into it. Two choices that are equal leave equal disks.
package struct EffectChoice: Hashable, Sendable {
  struct SectorOfFile: Hashable {
    var file: NodeNumber
    var sector: UInt64
  }

  /// Those that are no writes, by their index.
  private(set) var metadata: Set<Int> = []
  /// The last effect that is kept in a sector, by its index.
  private(set) var last: [SectorOfFile: Int] = [:]
  /// Which of the contents that the disk has given free stands where a file grew and its data is lost; `nil` for zeros.
  var stale: Int?

  /// Keeps all of an effect. In ascending order of their indices.
  mutating func keep(_ index: Int, _ effect: PendingEffect) {
    guard case .data(let file, let offset, let bytes) = effect else {
      metadata.insert(index)
      return
    }
    for piece in Sector.pieces(offset: offset, count: bytes.count) {
      last[SectorOfFile(file: file, sector: piece.sector)] = index
    }
  }

  /// Keeps an effect that is no write.
  mutating func keep(metadata index: Int) {
    metadata.insert(index)
  }

  /// Keeps one sector of a write.
  mutating func keep(_ index: Int, file: NodeNumber, sector: UInt64) {
    last[SectorOfFile(file: file, sector: sector)] = index
  }

  func keeps(_ index: Int, file: NodeNumber, sector: UInt64) -> Bool {
    last[SectorOfFile(file: file, sector: sector)].map { index <= $0 } ?? false
  }
}

extension NodeTable {
  /// Lets those effects happen that are chosen, in order.
  /// - Parameter freed: What stands in blocks that are used again.
  mutating func apply(_ effects: [PendingEffect], _ choice: EffectChoice, freed: [PagedContent] = []) {
    if let stale = choice.stale, freed.indices.contains(stale) { fill(effects, choice, with: freed[stale]) }
    for (index, effect) in effects.enumerated() {
      if case .data(let file, let offset, let bytes) = effect {
        applyData(file, offset: offset, bytes: bytes) { choice.keeps(index, file: file, sector: $0) }
      } else if choice.metadata.contains(index) {
        apply(effect)
      }
    }
  }

  /// Puts old content into the sectors by which files grow: what is kept of the effects comes on top. A file that is
  /// truncated as well is left out: what is beyond its end then is zeros, on every file system.
  private mutating func fill(_ effects: [PendingEffect], _ choice: EffectChoice, with stale: PagedContent) {
    var grown: [NodeNumber: UInt64] = [:]
    for (index, effect) in effects.enumerated() where choice.metadata.contains(index) {
      switch effect {
      case .growth(let file, let size): grown[file] = max(grown[file] ?? 0, size)
      case .truncation(let file, _): grown[file] = 0
      case .data, .entry, .removal, .move: break
      }
    }
    for (file, size) in grown {
      let sector = UInt64(Sector.bytes)
      let start = (content(file).size + sector - 1) / sector * sector
      let end = min(size, stale.size)
      guard start < end, let count = Int(exactly: end - start) else { continue }
      var bytes = [UInt8](repeating: 0, count: count)
      bytes.withUnsafeMutableBytes { _ = stale.read(into: $0, at: start) }
      applyData(file, offset: start, bytes: bytes) { choice.last[.init(file: file, sector: $0)] == nil }
    }
  }

  /// Lets those effects happen that are kept, in order; when `tearing`, some writes only in some of their
  /// sectors.
  mutating func apply(
    _ effects: [PendingEffect], keeping keeps: [Bool], tearing: Bool, _ generator: inout SeededGenerator
  ) {
    apply(effects, EffectChoice(effects, keeping: keeps, tearing: tearing, &generator))
  }
}

extension EffectChoice {
  /// Those effects that are kept; when `tearing`, some writes only in some of their sectors: of a disk whose sectors have
  /// 512 bytes, or 4 KiB.
  init(
    _ effects: [PendingEffect], keeping keeps: [Bool], tearing: Bool, _ generator: inout SeededGenerator
  ) {
    let sectorsOfUnit: UInt64 = tearing && generator.chance(1, in: 3) ? Sector.ofPhysicalOne : 1
    for (index, effect) in effects.enumerated() where keeps[index] {
      guard tearing, case .data(let file, let offset, let bytes) = effect, generator.chance(1, in: 2) else {
        keep(index, effect)
        continue
      }
      var unit: (number: UInt64, isKept: Bool)?
      for piece in Sector.pieces(offset: offset, count: bytes.count) {
        let number = piece.sector / sectorsOfUnit
        let isKept = unit?.number == number ? unit?.isKept ?? false : generator.chance(1, in: 2)
        unit = (number, isKept)
        if isKept { keep(index, file: file, sector: piece.sector) }
      }
    }
  }
}

extension EffectChoice {
  /// The same with one thing less lost, for each that is: an old content, a change that is no write, a write in all of
  /// its sectors.
  func simpler(_ effects: [PendingEffect]) -> [EffectChoice] {
    var found: [EffectChoice] = []
    if stale != nil {
      var choice = self
      choice.stale = nil
      found.append(choice)
    }
    for (index, effect) in effects.enumerated() {
      var choice = self
      if case .data(let file, let offset, let bytes) = effect {
        for piece in Sector.pieces(offset: offset, count: bytes.count)
        where !keeps(index, file: file, sector: piece.sector) {
          choice.keep(index, file: file, sector: piece.sector)
        }
      } else {
        choice.keep(index, effect)
      }
      if choice != self { found.append(choice) }
    }
    return found
  }

  /// What is lost, in words.
  func losses(_ effects: [PendingEffect]) -> String {
    var lost: [String] = []
    for (index, effect) in effects.enumerated() {
      switch effect {
      case .data(let file, let offset, let bytes):
        let pieces = Sector.pieces(offset: offset, count: bytes.count)
        let missing = pieces.filter { !keeps(index, file: file, sector: $0.sector) }
        if missing.isEmpty { continue }
        lost.append(
          "\(missing.count) of \(pieces.count) sectors of a write of \(bytes.count) bytes at \(offset) of file \(file)"
        )
      case .growth(let file, let size):
        if !metadata.contains(index) { lost.append("file \(file)'s growth to \(size)") }
      case .truncation(let file, let size):
        if !metadata.contains(index) { lost.append("file \(file)'s truncation to \(size)") }
      case .entry(let node, let place):
        if !metadata.contains(index) { lost.append("name \(place.name) of \(node)") }
      case .removal(_, let place): if !metadata.contains(index) { lost.append("removal of \(place.name)") }
      case .move(_, let from, let to):
        if !metadata.contains(index) { lost.append("rename of \(from.name) to \(to.name)") }
      }
    }
    if stale != nil { lost.append("old content where data is missing") }
    return lost.isEmpty ? "nothing is lost" : "lost: " + lost.joined(separator: ", ")
  }
}
