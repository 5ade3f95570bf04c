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
