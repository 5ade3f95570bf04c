// Every disk that a crash at one moment may leave: all of them while they are few, and beyond that those in which most
// mistakes are found.

/// A file system as it was just before one of its operations.
///
/// An operation that is cut short leaves what the moment before it may leave, or the moment after it: what it did is then
/// one more effect that a crash keeps, keeps in part, or loses.
public struct DiskMoment: Sendable {
  /// The number of the operation that follows, from 1 on.
  public let operation: Int
  let disk: SimulatedDisk

  /// How many changes a crash could lose.
  public var pendingCount: Int { disk.pending.count }
}

/// The disks that a crash may leave.
public struct CrashStates: Sendable {
  /// Different from one another, each with everything on it settled.
  public var disks: [SimulatedFileSystem]
  /// Whether these are all that the model allows.
  public var isExhaustive: Bool
}

extension DiskMoment {
  /// The disks that a crash at this moment may leave, by `model`, at most about `limit` of them.
  ///
  /// All that the model allows, down to single sectors, if they are no more than that. Otherwise: nothing lost,
  /// everything lost, each change alone lost and alone kept, pairs, and as many others as the limit allows, drawn
  /// by the seed, with torn writes among them.
  public func crashStates(_ model: CrashModel, limit: Int, seed: UInt64) -> CrashStates {
    if model == .kill {
      let disk = SimulatedDisk(settled: disk.current, root: disk.root, nextNode: disk.nextNode)
      return CrashStates(disks: [SimulatedFileSystem(settled: disk)], isExhaustive: true)
    }
    var generator = SeededGenerator(seed: seed)
    var enumeration = ChoiceEnumeration(disk.pending, model, limit: max(1, limit))
    enumeration.run(&generator)
    return CrashStates(
      disks: enumeration.choices.map { choice in
        var table = disk.durable
        table.apply(disk.pending, choice)
        return SimulatedFileSystem(
          settled: SimulatedDisk(settled: table, root: disk.root, nextNode: disk.nextNode))
      }, isExhaustive: enumeration.isExhaustive)
  }
}

/// Finds different choices among the effects that a crash may keep.
private struct ChoiceEnumeration {
  /// What is kept or lost by itself: an effect that is no write, or one sector of a write.
  private enum Unit {
    case metadata(Int)
    case sector(Int, file: NodeNumber, UInt64)
  }

  private let effects: [PendingEffect]
  private let isOrdered: Bool
  private let limit: Int
  private let metadata: [Int]
  private let data: [Int]
  private let sectors: [Unit]

  private(set) var choices: [EffectChoice] = []
  private var known: Set<EffectChoice> = []
  private(set) var isExhaustive = false

  init(_ effects: [PendingEffect], _ model: CrashModel, limit: Int) {
    self.effects = effects
    self.limit = limit
    isOrdered = model == .ordered
    metadata = effects.indices.filter { effects[$0].isMetadata }
    data = effects.indices.filter { !effects[$0].isMetadata }
    sectors = data.flatMap { index -> [Unit] in
      guard case .data(let file, let offset, let bytes) = effects[index] else { return [] }
      return Sector.pieces(offset: offset, count: bytes.count).map { .sector(index, file: file, $0.sector) }
    }
  }

  mutating func run(_ generator: inout SeededGenerator) {
    let metadataChoices = isOrdered ? metadata.count + 1 : Self.power(metadata.count)
    let (count, overflow) = metadataChoices.multipliedReportingOverflow(by: Self.power(sectors.count))
    if !overflow && count <= limit {
      isExhaustive = true
      return enumerateAll()
    }
    addExtremes()
    // Most of what is drawn is new; where it is not, there is not much more to be found.
    for _ in 0..<(4 * limit) where choices.count < limit { addRandom(&generator) }
  }

  /// 2 to the power of `exponent`, or as much as there is.
  private static func power(_ exponent: Int) -> Int { exponent < 62 ? 1 << exponent : Int.max }

  private mutating func add(_ choice: EffectChoice) {
    if known.insert(choice).inserted { choices.append(choice) }
  }

  private mutating func enumerateAll() {
    for mask in 0..<(isOrdered ? metadata.count + 1 : Self.power(metadata.count)) {
      for sectorMask in 0..<Self.power(sectors.count) {
        var choice = EffectChoice()
        for (place, index) in metadata.enumerated() where isOrdered ? place < mask : mask >> place & 1 == 1 {
          choice.keep(index, effects[index])
        }
        // Ascending, so that of writes in one sector the last that is kept counts.
        for (place, unit) in sectors.enumerated() where sectorMask >> place & 1 == 1 {
          if case .sector(let index, let file, let sector) = unit {
            choice.keep(index, file: file, sector: sector)
          }
        }
        add(choice)
      }
    }
  }

  private mutating func add(keeping isKept: (Int) -> Bool) {
    var choice = EffectChoice()
    for (index, effect) in effects.enumerated() where isKept(index) { choice.keep(index, effect) }
    add(choice)
  }

  private mutating func addExtremes() {
    let effects = effects
    if isOrdered {
      for count in 0...metadata.count {
        let kept = Set(metadata.prefix(count))
        add { kept.contains($0) }
        add { kept.contains($0) || !effects[$0].isMetadata }
        for other in data where choices.count < limit {
          add { kept.contains($0) || $0 == other }
          add { kept.contains($0) || (!effects[$0].isMetadata && $0 != other) }
        }
        if choices.count >= limit { return }
      }
      return
    }
    add { _ in false }
    add { _ in true }
    for other in effects.indices where choices.count < limit {
      add { $0 != other }
      add { $0 == other }
    }
    for first in effects.indices {
      for second in effects.indices.dropFirst(first + 1) {
        if choices.count >= limit / 2 { return }
        add { $0 != first && $0 != second }
        add { $0 == first || $0 == second }
      }
    }
  }

  private mutating func addRandom(_ generator: inout SeededGenerator) {
    var keeps = [Bool](repeating: false, count: effects.count)
    let selection = Selection(count: effects.count, &generator)
    for index in effects.indices { keeps[index] = selection.contains(index, &generator) }
    if isOrdered {
      let kept = Set(metadata.prefix(Selection.prefix(of: metadata.count, &generator)))
      for index in metadata { keeps[index] = kept.contains(index) }
    }
    add(EffectChoice(effects, keeping: keeps, tearing: selection.tears, &generator))
  }
}
