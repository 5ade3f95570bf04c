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
  /// Whether the operation before was a write, and it is the last of what is pending.
  let isBehindWrite: Bool

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
  /// by the seed, with torn writes among them, and with old content where a file grew and its data was lost. Under
  /// ``CrashModel/kill`` the write that was the last is whole, or written up to some byte.
  public func crashStates(_ model: CrashModel, limit: Int, seed: UInt64) -> CrashStates {
    let (choices, isExhaustive) = choices(model, limit: limit, seed: seed)
    return CrashStates(disks: choices.map { disk(after: $0) }, isExhaustive: isExhaustive)
  }

  /// The choices behind ``crashStates(_:limit:seed:)``, different from one another.
  package func choices(
    _ model: CrashModel, limit: Int, seed: UInt64
  ) -> (choices: [CrashChoice], isExhaustive: Bool) {
    if model == .kill { return (processChoices, true) }
    var generator = SeededGenerator(seed: seed)
    var enumeration = ChoiceEnumeration(disk, model, limit: max(1, limit))
    enumeration.run(&generator)
    return (enumeration.choices.map { .power($0) }, enumeration.isExhaustive)
  }

  /// The disk that is left when a crash keeps just this.
  package func disk(after choice: CrashChoice) -> SimulatedFileSystem {
    if choice == .death { return SimulatedFileSystem(disk.afterProcessDeath()) }
    return SimulatedFileSystem(disk.settled(table(after: choice)))
  }

  /// The write that led to this moment, if it was one: a process that dies in its midst leaves a part of it.
  private var lastWrite: (file: NodeNumber, offset: UInt64, bytes: [UInt8])? {
    guard isBehindWrite, case .data(let file, let offset, let bytes)? = disk.pending.last else { return nil }
    return (file, offset, bytes)
  }

  private var processChoices: [CrashChoice] {
    guard let count = lastWrite?.bytes.count, count > 1 else { return [.process(writtenOfLast: nil)] }
    let middle = count / 2
    let places = Set([1, Sector.bytes, middle, middle / Sector.bytes * Sector.bytes, count - 1])
    return [.process(writtenOfLast: nil)]
      + places.filter { $0 > 0 && $0 < count }.sorted().map { .process(writtenOfLast: $0) }
  }

  private func table(after choice: CrashChoice) -> NodeTable {
    switch choice {
    case .process(nil), .death: return disk.current
    case .process(let count?):
      guard let (file, offset, bytes) = lastWrite else { return disk.current }
      var table = disk.durable
      for effect in disk.pending.dropLast() {
        // The growth that belongs to the write comes with it.
        if case .growth(file, offset + UInt64(bytes.count)) = effect { continue }
        table.apply(effect)
      }
      table.apply(.growth(file, to: offset + UInt64(count)))
      table.apply(.data(file, offset: offset, bytes: Array(bytes.prefix(count))))
      return table
    case .power(let choice):
      var table = disk.durable
      table.apply(disk.pending, choice, freed: disk.freed)
      return table
    }
  }

  /// The same choice with less lost, and torn in fewer places: each of these loses one thing less.
  package func simpler(_ choice: CrashChoice) -> [CrashChoice] {
    switch choice {
    case .process(nil), .death: return []
    case .process: return [.process(writtenOfLast: nil)]
    case .power(let power): return power.simpler(disk.pending).map { .power($0) }
    }
  }

  /// What a choice loses, for people.
  package func losses(of choice: CrashChoice) -> String {
    switch choice {
    case .process(nil), .death: "the process dies"
    case .process(let count?): "the process dies with \(count) bytes of its last write done"
    case .power(let power): power.losses(disk.pending)
    }
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
  private let freedCount: Int
  private let isOrdered: Bool
  private let limit: Int
  private let metadata: [Int]
  private let data: [Int]
  private let sectors: [Unit]

  private(set) var choices: [EffectChoice] = []
  private var known: Set<EffectChoice> = []
  private(set) var isExhaustive = false

  init(_ disk: SimulatedDisk, _ model: CrashModel, limit: Int) {
    let effects = disk.pending
    self.effects = effects
    freedCount = disk.freed.count
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
      enumerateAll()
      addStale()
      return
    }
    addExtremes()
    addStale()
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

  /// Files have grown, none of their data came, and the blocks hold what was there before.
  private mutating func addStale() {
    guard !data.isEmpty, effects.contains(where: { if case .growth = $0 { true } else { false } }) else {
      return
    }
    for stale in 0..<freedCount {
      var choice = EffectChoice()
      for index in metadata { choice.keep(index, effects[index]) }
      choice.stale = stale
      add(choice)
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
    var choice = EffectChoice(effects, keeping: keeps, tearing: selection.tears, &generator)
    if freedCount > 0, generator.chance(1, in: 4) { choice.stale = generator.below(freedCount) }
    add(choice)
  }
}
