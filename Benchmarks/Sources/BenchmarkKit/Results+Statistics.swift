extension Results {
  /// How far a round's probes may be from the median of all of them before the round counts as noisy.
  public static let greatestProbeDeviation = 0.3

  /// The median over the rounds; `nil` when the subject has no value in the row.
  public func median(_ row: Row.ID, _ subject: Subject.Name) -> Double? {
    Statistics.median(values(row, subject))
  }

  /// Half the distance between the outermost rounds, relative to the median.
  public func spread(_ row: Row.ID, _ subject: Subject.Name) -> Double {
    Statistics.spread(values(row, subject))
  }

  /// The median over the rounds of what was noted beside a cell.
  public func note(_ what: String, _ row: Row.ID, _ subject: Subject.Name) -> Double? {
    Statistics.median((cell(row, subject)?.notes[what] ?? []).map(\.value))
  }

  /// How much better `subject` is than `other` in a row: the median of the ratios taken round by round. Above 1 it
  /// is better, whichever way the unit counts. `nil` without a round that has both.
  public func ratio(_ row: Row.ID, _ subject: Subject.Name, to other: Subject.Name) -> Double? {
    ratio(of: (row, subject), to: (row, other))
  }

  /// The same for two cells of different rows, of which the first says which way the unit counts.
  public func ratio(
    of cell: (row: Row.ID, subject: Subject.Name), to other: (row: Row.ID, subject: Subject.Name)
  ) -> Double? {
    guard let row = row(cell.row) else { return nil }
    let others = valuesByRound(other.row, other.subject)
    let ratios = valuesByRound(cell.row, cell.subject).compactMap { round, value -> Double? in
      guard let against = others[round], value > 0, against > 0 else { return nil }
      return row.greaterIsBetter ? value / against : against / value
    }
    return Statistics.median(ratios)
  }

  /// Of the subjects in a role, the one with the best median in a row.
  public func best(_ role: Subject.Role, in row: Row) -> Subject? {
    let candidates = subjects.filter { $0.role == role }.compactMap { subject in
      median(row.id, subject.name).map { (subject, $0) }
    }
    let best = candidates.min { row.greaterIsBetter ? $0.1 > $1.1 : $0.1 < $1.1 }
    return best?.0
  }

  /// Whether the disk, or the processor, was much faster or slower in a round than in the others: its ratios are worth less. With a
  /// row, whether it was so beside that row.
  public func isNoisy(_ round: Int, row: Row.ID? = nil) -> Bool {
    Resource.allCases.contains { resource in
      let all = probes.filter { $0.resource == resource }
      guard let usual = Statistics.median(all.map(\.value)), usual > 0 else { return false }
      let near = all.filter { $0.round == round && (row == nil || $0.row == nil || $0.row == row) }
      guard let measured = Statistics.median(near.map(\.value)) else { return false }
      return abs(measured / usual - 1) > Self.greatestProbeDeviation
    }
  }

  /// The rounds in which the disk was not as usual.
  public func noisyRounds(row: Row.ID? = nil) -> [Int] {
    guard rounds > 0 else { return [] }
    return (1...rounds).filter { isNoisy($0, row: row) }
  }

  private func values(_ row: Row.ID, _ subject: Subject.Name) -> [Double] {
    (cell(row, subject)?.samples ?? []).map(\.value)
  }

  /// A round that was measured twice counts with its median.
  private func valuesByRound(_ row: Row.ID, _ subject: Subject.Name) -> [Int: Double] {
    Dictionary(grouping: cell(row, subject)?.samples ?? [], by: \.round).compactMapValues { samples in
      Statistics.median(samples.map(\.value))
    }
  }
}
