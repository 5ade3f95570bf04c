// What a crash keeps of the effects that no synchronization settled.

/// Which of a list of effects a crash keeps, and of writes which sectors.
///
/// In its canonical form: of each sector only the last write that is kept counts, since the sector is written whole,
/// and keeping a write in it keeps what earlier writes put into it. Two choices that are equal leave equal disks.
struct EffectChoice: Hashable {
  struct SectorOfFile: Hashable {
    var file: NodeNumber
    var sector: UInt64
  }

  /// Those that are no writes, by their index.
  private(set) var metadata: Set<Int> = []
  /// The last effect that is kept in a sector, by its index.
  private(set) var last: [SectorOfFile: Int] = [:]

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
  mutating func apply(_ effects: [PendingEffect], _ choice: EffectChoice) {
    for (index, effect) in effects.enumerated() {
      if case .data(let file, let offset, let bytes) = effect {
        applyData(file, offset: offset, bytes: bytes) { choice.keeps(index, file: file, sector: $0) }
      } else if choice.metadata.contains(index) {
        apply(effect)
      }
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
  /// Those effects that are kept; when `tearing`, some writes only in some of their sectors.
  init(
    _ effects: [PendingEffect], keeping keeps: [Bool], tearing: Bool, _ generator: inout SeededGenerator
  ) {
    for (index, effect) in effects.enumerated() where keeps[index] {
      guard tearing, case .data(let file, let offset, let bytes) = effect, generator.chance(1, in: 2) else {
        keep(index, effect)
        continue
      }
      for piece in Sector.pieces(offset: offset, count: bytes.count) where generator.chance(1, in: 2) {
        keep(index, file: file, sector: piece.sector)
      }
    }
  }
}
