/// Chooses at which calls processes kill themselves: of every kind, before, after and in the midst, one number
/// after the other in turn with random ones, as far as writers get.
struct CallSweep {
  /// One kind of call at one moment.
  struct Place: Equatable {
    let call: FileCall
    let moment: KillPoint.Moment
    /// The next number in turn.
    var next: UInt64 = 1
    /// As far as writers seem to get. What they don't get to lowers it at once.
    var reach: UInt64 = 48
    var draws = 0
    var kills = 0
    /// How often not even the first call was made.
    var misses = 0
    /// How often a writer ended before the call that was drawn.
    var endings = 0

    /// Whether there are no more calls, as far as can be told: writers make not always the same number.
    var isThrough: Bool { endings >= 2 }
  }

  private(set) var places: [Place]
  private var turn = 0

  /// So often a kind of call may not come at all before it is left out.
  private static let greatestMisses = 4
  /// No number is greater.
  private static let greatestNumber: UInt64 = 4000

  /// - Parameter random: Decides with which places it begins, so that a short sweep is not always of the same ones.
  init(using random: inout SeededGenerator) {
    let places = FileCall.allCases.flatMap { call in
      [.before, .after].map { Place(call: call, moment: $0) }
        // Twice: of a write, most is in its midst.
        + (call.canBeTorn
          ? [Place(call: call, moment: .torn(bytes: nil)), Place(call: call, moment: .torn(bytes: 0))] : [])
    }
    self.places = random.draw(places.count, of: places)
  }

  /// The next point of a sweep that leaves out none: place after place, from the first call on until a writer ends
  /// before it; `nil` when all are through.
  mutating func next(using random: inout SeededGenerator) -> (place: Int, point: KillPoint)? {
    while turn < places.count, places[turn].isThrough { turn += 1 }
    guard turn < places.count else { return nil }
    let number = places[turn].next
    places[turn].next += 1
    return (turn, point(of: places[turn], number, &random))
  }

  /// The next point, and the place that it is of; `nil` when no kind of call ever comes.
  mutating func draw(using random: inout SeededGenerator) -> (place: Int, point: KillPoint)? {
    for _ in places {
      let index = turn % places.count
      turn += 1
      if places[index].misses >= Self.greatestMisses { continue }
      let place = places[index]
      places[index].draws += 1
      let number: UInt64
      if place.draws % 2 == 1 {
        number = 1 + random.next() % place.reach
      } else {
        // Only once the greatest was not reached: else there may be more.
        number = place.next > place.reach ? 1 : place.next
        places[index].next = number + 1
      }
      return (index, point(of: place, number, &random))
    }
    return nil
  }

  private func point(of place: Place, _ number: UInt64, _ random: inout SeededGenerator) -> KillPoint {
    var moment = place.moment
    if case .torn(.some) = moment { moment = .torn(bytes: Self.tornBytes(&random)) }
    return KillPoint(call: place.call, number: number, moment: moment)
  }

  /// Around the sizes of sectors and pages, and anywhere.
  private static func tornBytes(_ random: inout SeededGenerator) -> Int {
    random.pick(0...2) == 0
      ? random.pick([0, 1, 511, 512, 513, 4095, 4096, 4097, 8192]) : random.pick(0...40_000)
  }

  /// Notes whether the writer got to the point that was drawn.
  mutating func note(_ index: Int, _ point: KillPoint, wasReached: Bool) {
    if wasReached {
      places[index].kills += 1
      places[index].misses = 0
      if point.number >= places[index].reach {
        places[index].reach = min(point.number + point.number / 2 + 1, Self.greatestNumber)
      }
    } else {
      places[index].reach = max(1, point.number - 1)
      places[index].endings += 1
      if point.number == 1 { places[index].misses += 1 }
    }
  }

  /// The kinds of calls at which no writer has died.
  var unreached: [FileCall] {
    FileCall.allCases.filter { call in places.allSatisfy { $0.call != call || $0.kills == 0 } }
  }

  /// The kills of each kind of call, as words: before, after and torn.
  var lines: [(call: String, kills: String)] {
    FileCall.allCases.map { call in
      let mine = places.filter { $0.call == call }
      func kills(_ isMeant: (KillPoint.Moment) -> Bool) -> Int {
        mine.reduce(0) { $0 + (isMeant($1.moment) ? $1.kills : 0) }
      }
      if mine.allSatisfy({ $0.kills == 0 && $0.misses > 0 }) {
        return (call.rawValue, "none: it does not come")
      }
      let torn = kills { if case .torn = $0 { true } else { false } }
      return (
        call.rawValue,
        "\(kills { $0 == .before }) before, \(kills { $0 == .after }) after"
          + (call.canBeTorn ? ", \(torn) in the midst" : "")
      )
    }
  }
}
