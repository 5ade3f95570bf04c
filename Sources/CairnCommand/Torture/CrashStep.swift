/// What is done to the next writer.
enum CrashStep: Equatable {
  /// It is killed so long after its start, or after it has opened the store.
  case killAtMoment(afterOpening: Bool, delayMicroseconds: UInt64)
  /// It kills itself at a call, if it gets there.
  case killAtCall
  /// It is stopped so long after it has opened the store, and after a while killed as it is, or let go on and then
  /// killed.
  case stop(afterMicroseconds: UInt64, forMicroseconds: UInt64, goesOn: Bool)
  /// Two open the store at the same moment; the one that has it is killed so long after it has it.
  case race(afterMicroseconds: UInt64)

  /// The step number `index` of a run, from 0. Of twenty one is a race and one a stop; the others are kills at moments
  /// and at calls in turn.
  static func draw(_ index: Int, using random: inout SeededGenerator) -> CrashStep {
    func delay(_ limit: Int) -> UInt64 { UInt64(random.pick(0...limit)) }
    switch index % 20 {
    case 19: return .race(afterMicroseconds: delay(20_000))
    case 9:
      return .stop(
        afterMicroseconds: delay(40_000), forMicroseconds: delay(20_000), goesOn: random.pick(0...1) == 0)
    case let place where place % 2 == 0: return .killAtCall
    default:
      // While it starts and recovers, soon after, or any time.
      switch random.pick(0...9) {
      case 0...2: return .killAtMoment(afterOpening: false, delayMicroseconds: delay(30_000))
      case 3...5: return .killAtMoment(afterOpening: true, delayMicroseconds: delay(8000))
      default: return .killAtMoment(afterOpening: true, delayMicroseconds: delay(80_000))
      }
    }
  }
}

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
