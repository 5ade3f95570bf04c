// What is left after a crash. Of the effects that no synchronization settled, each model allows some
// choices, and a seed makes one. The choices that find most mistakes (nothing, everything, all but one,
// only one) are always likely.

/// Which unsynchronized changes a crash may lose.
public enum CrashModel: String, Sendable, CaseIterable {
  /// The process died; the machine goes on. Nothing is lost.
  case kill

  /// The power went, and the file system promises only what POSIX does.
  ///
  /// Each unsynchronized write, size change, creation, link, removal and rename is kept or lost,
  /// independently of every other. Of a write any subset of its 512-byte sectors is kept, or of those of
  /// 4 KiB. A sector is written whole: keeping a write in it keeps what earlier writes put into it. A rename is
  /// atomic: the destination names the old file or the new one, never neither. A file whose data was
  /// synchronized but whose directory was not may have no name. Where a file grew and its data was lost there
  /// are zeros, or what files that are gone had there.
  case strict

  /// The power went, and the file system keeps a journal, as ext4 and XFS do.
  ///
  /// As ``strict``, except that size changes and directory operations are kept up to some point in their
  /// order, and lost after it. Data is kept or lost independently of them: a file that grew may hold zeros, or old content.
  case ordered
}

extension SimulatedDisk {
  /// A disk that a crash may leave, with all that is on it settled.
  func afterCrash(_ model: CrashModel, generator: inout SeededGenerator) -> SimulatedDisk {
    switch model {
    case .kill: return settled(current)
    case .strict:
      let kept = Selection(count: pending.count, &generator)
      return settle(
        keeping: (0..<pending.count).map { kept.contains($0, &generator) }, tearing: kept.tears, &generator)
    case .ordered:
      let metadata = pending.indices.filter { pending[$0].isMetadata }
      let data = pending.indices.filter { !pending[$0].isMetadata }
      var keeps = [Bool](repeating: false, count: pending.count)
      for index in metadata.prefix(Selection.prefix(of: metadata.count, &generator)) { keeps[index] = true }
      let kept = Selection(count: data.count, &generator)
      for (place, index) in data.enumerated() { keeps[index] = kept.contains(place, &generator) }
      return settle(keeping: keeps, tearing: kept.tears, &generator)
    }
  }

  private func settle(keeping keeps: [Bool], tearing: Bool, _ generator: inout SeededGenerator)
    -> SimulatedDisk
  {
    var table = durable
    var choice = EffectChoice(pending, keeping: keeps, tearing: tearing, &generator)
    if !freed.isEmpty, generator.chance(1, in: 8) { choice.stale = generator.below(freed.count) }
    table.apply(pending, choice, freed: freed)
    return settled(table)
  }

  /// The same disk when it holds just what is in `table`.
  func settled(_ table: NodeTable) -> SimulatedDisk {
    SimulatedDisk(settled: table, root: root, nextNode: nextNode, freed: freed)
  }
}

/// Which of a number of effects are kept.
struct Selection {
  private enum Style {
    case nothing
    case everything
    case allBut(Int)
    case only(Int)
    case each(keptOfTen: Int)
  }

  private let style: Style

  /// Whether kept writes may be torn as well.
  let tears: Bool

  /// Draws how to choose among `count` effects: each extreme in one case of eight.
  init(count: Int, _ generator: inout SeededGenerator) {
    switch generator.below(8) {
    case 0: style = .nothing
    case 1: style = .everything
    case 2: style = .allBut(generator.below(count))
    case 3: style = .only(generator.below(count))
    case 4: style = .each(keptOfTen: 1)
    case 5: style = .each(keptOfTen: 9)
    default: style = .each(keptOfTen: 5)
    }
    if case .each = style { tears = generator.chance(3, in: 4) } else { tears = false }
  }

  /// Whether the effect at `index` is kept.
  func contains(_ index: Int, _ generator: inout SeededGenerator) -> Bool {
    switch style {
    case .nothing: false
    case .everything: true
    case .allBut(let lost): index != lost
    case .only(let kept): index == kept
    case .each(let keptOfTen): generator.chance(keptOfTen, in: 10)
    }
  }

  /// How many of `count` effects in a row are kept.
  static func prefix(of count: Int, _ generator: inout SeededGenerator) -> Int {
    switch generator.below(8) {
    case 0: 0
    case 1: count
    case 2: max(0, count - 1)
    case 3: min(1, count)
    default: generator.below(count + 1)
    }
  }
}
