/// What a row says of Cairn: against the best peer, against the limit, against its targets.
struct Judgement {
  /// One target, and what came of it.
  struct Verdict {
    let target: Target
    /// What Cairn was compared with, by name.
    let against: String
    /// The ratio in Cairn's favour, or the value where that itself counts; `nil` when it was not measured.
    let measured: Double?
    /// Whether it is enough; `nil` when it was not measured.
    let isMet: Bool?
  }

  let row: Row
  /// Cairn, in the form that did best.
  let ours: Subject?
  let bestPeer: Subject?
  let limit: Subject?
  /// How much better Cairn is than the best peer.
  let toPeer: Double?
  /// Which part of the limit Cairn reaches.
  let toLimit: Double?
  let verdicts: [Verdict]
  /// The rounds in which the disk was not as usual beside this row.
  let noisyRounds: [Int]

  init(_ row: Row, in results: Results) {
    self.row = row
    let ours = results.best(.ours, in: row)
    let bestPeer = results.best(.peer, in: row)
    let limit = results.best(.limit, in: row)
    func ratio(to other: Subject?) -> Double? {
      guard let ours, let other else { return nil }
      return results.ratio(row.id, ours.name, to: other.name)
    }
    self.ours = ours
    self.bestPeer = bestPeer
    self.limit = limit
    toPeer = ratio(to: bestPeer)
    toLimit = ratio(to: limit)
    noisyRounds = results.noisyRounds(row: row.id)
    verdicts = row.targets.map { target in
      let measured: Double?
      let against: String
      switch target.against {
      case .bestPeer:
        against = bestPeer?.name ?? "the best peer"
        measured = ratio(to: bestPeer)
      case .limit:
        against = limit?.name ?? "the limit"
        measured = ratio(to: limit)
      case .subject(let name):
        against = name
        measured = ratio(to: results.subject(name))
      case .row(let id):
        let other = results.row(id)
        against = other?.name ?? id
        measured = ours.flatMap { ours in
          other.flatMap { results.best(.ours, in: $0) }.flatMap {
            results.ratio(of: (row.id, ours.name), to: (id, $0.name))
          }
        }
      case .absolute:
        against = ""
        measured = ours.flatMap { results.median(row.id, $0.name) }
      }
      let isMet = measured.map { value in
        target.against == .absolute && !row.greaterIsBetter
          ? value <= target.atLeast : value >= target.atLeast
      }
      return Verdict(target: target, against: against, measured: measured, isMet: isMet)
    }
  }

  /// "≥ 1.3 × the best peer", "≤ 150 ms".
  static func text(_ target: Target, of row: Row, in results: Results) -> String {
    let bound = Figures.ratio(target.atLeast)
    switch target.against {
    case .bestPeer: return "≥ \(bound) × the best peer"
    case .limit: return "≥ \(bound) of the limit"
    case .subject(let name): return "≥ \(bound) × \(name)"
    case .row(let id): return "≥ \(bound) of “\(results.row(id)?.name ?? id)”"
    case .absolute: return "\(row.greaterIsBetter ? "≥" : "≤") \(Figures.value(target.atLeast)) \(row.unit)"
    }
  }
}

extension Results {
  /// What each row says, in the order of the table.
  var judgements: [Judgement] { rows.map { Judgement($0, in: self) } }

  /// The headings, in the order of the table.
  var sections: [String] {
    rows.reduce(into: []) { sections, row in
      if !sections.contains(row.section) { sections.append(row.section) }
    }
  }
}

extension [Results] {
  /// How many targets were met, and how many were measured at all.
  var targetTally: (met: Int, measured: Int) {
    let verdicts = flatMap(\.judgements).flatMap(\.verdicts).compactMap(\.isMet)
    return (verdicts.count { $0 }, verdicts.count)
  }
}
