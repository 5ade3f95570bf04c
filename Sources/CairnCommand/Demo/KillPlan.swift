/// When a process is killed: so long after something it says it has reached.
///
/// Told by what the process has reached, and not by time alone, the kills land where they are meant to on a
/// busy machine too; the delay is random, so that within it any moment is hit.
struct KillPlan: Equatable {
  /// What must be reached.
  enum Mark: Equatable {
    /// The process runs, and opens the store next.
    case started
    /// So many reviews are recorded, counting those of earlier processes, and the store is open.
    case recorded(Int)
    /// The commit of this review begins.
    case committing(Int)
  }

  let mark: Mark
  let delayNanoseconds: UInt64

  /// Whether the mark is reached.
  func isReached(by account: ChildProcess.Account) -> Bool {
    switch mark {
    case .started: account.hasStarted
    case .recorded(let count): account.opened.map { max($0, account.acknowledged) >= count } ?? false
    case .committing(let number): account.committing >= number
    }
  }

  /// Draws the next moment in a run of `count` documents, of which `recorded` are recorded, and which is to
  /// be killed `left` more times, this one included. One in four falls into the opening of the store, so that
  /// the recovery from a kill is killed, too; at a run's beginning, where there is nothing to recover, one in
  /// seven. Of the others one half falls anywhere, and one half into a commit, which else would be a small
  /// part. The last kill of a run falls after the last commit once in ten.
  ///
  /// - Parameter mayFallOutside: Whether it may fall before the first or after the last commit.
  static func draw(
    recorded: Int, count: Int, left: Int, mayFallOutside: Bool, timing: StepTiming,
    using random: inout SeededGenerator
  ) -> KillPlan {
    if random.pick(0...99) < (recorded == 0 ? 15 : 25), recorded > 0 || mayFallOutside {
      return KillPlan(mark: .started, delayNanoseconds: random.delay(upTo: timing.openNanoseconds))
    }
    if left == 1 && random.pick(0...9) == 0 && mayFallOutside {
      return KillPlan(mark: .recorded(count), delayNanoseconds: random.delay(upTo: timing.stepNanoseconds))
    }
    let reach = max(0, 2 * (count - recorded) / (max(left, 1) + 1) - 1)
    let target = min(count - 1, recorded + random.pick(0...reach))
    // Before anything is recorded only a commit is surely between the steps.
    if random.pick(0...1) == 0, recorded > 0 || mayFallOutside {
      return KillPlan(mark: .recorded(target), delayNanoseconds: random.delay(upTo: timing.stepNanoseconds))
    }
    return KillPlan(
      mark: .committing(target + 1), delayNanoseconds: random.delay(upTo: timing.commitNanoseconds))
  }
}

/// How long things take on this machine, measured on the undisturbed run.
struct StepTiming {
  /// From a process's start of work until it has the store open and its state back.
  var openNanoseconds: UInt64
  /// From one acknowledgement to the next.
  var stepNanoseconds: UInt64
  /// Of that, the commit.
  var commitNanoseconds: UInt64
}

extension SeededGenerator {
  /// A delay from zero to `limit`.
  fileprivate mutating func delay(upTo limit: UInt64) -> UInt64 { next() % max(limit, 1) }
}
