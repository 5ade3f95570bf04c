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
  }

  private(set) var places: [Place]
  private var turn = 0

  /// So often a kind of call may not come at all before it is left out.
  private static let greatestMisses = 4
  /// No number is greater.
  private static let greatestNumber: UInt64 = 4000

  init() {
    places = FileCall.allCases.flatMap { call in
      [.before, .after].map { Place(call: call, moment: $0) }
        // Twice: of a write, most is in its midst.
        + (call.canBeTorn
          ? [Place(call: call, moment: .torn(bytes: nil)), Place(call: call, moment: .torn(bytes: 0))] : [])
    }
  }

  /// The next point, and the place that it is of; `nil` when no kind of call ever comes.
  mutating func draw(using random: inout SeededGenerator) -> (place: Int, point: KillPoint)? {
    for _ in places {
      let index = turn % places.count
      turn += 1
      if places[index].misses >= Self.greatestMisses { continue }
      let place = places[index]
      places[index].draws += 1
      var number = place.next
      if place.draws % 2 == 1 {
        number = 1 + random.next() % place.reach
      } else {
        places[index].next = place.next >= place.reach ? 1 : place.next + 1
      }
      var moment = place.moment
      if case .torn(.some) = moment { moment = .torn(bytes: Self.tornBytes(&random)) }
      return (index, KillPoint(call: place.call, number: number, moment: moment))
    }
    return nil
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
      if point.number == 1 { places[index].misses += 1 }
    }
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
