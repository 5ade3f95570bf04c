/// What came of all writers so far.
struct CrashTally {
  var killsAtMoments = 0
  var killsWhileStarting = 0
  var killsAtCalls = 0
  var ranThrough = 0
  var stops = 0
  var races = 0
  var slowestRefusalNanoseconds: UInt64 = 0
  var stores = 0
  var acknowledged = 0
  var storeChecks = 0
  var operationChecks: UInt64 = 0
  var backups = 0
  var backupChecks = 0
  var backupOperationChecks: UInt64 = 0
  var violations: [String] = []

  var kills: Int { killsAtMoments + killsAtCalls }

  /// What is to be counted, as lines for scripts: name, how much it must be at least, how much it was, and the command.
  func figures(_ plan: CrashDriver.Plan, _ sweep: CallSweep) -> [String] {
    let kind = plan.isMixed ? ", mixed" : ""
    func line(_ name: String, _ floor: Int, _ reached: Int) -> String {
      "figure \(name)\(kind) | \(floor) | \(reached) | \(plan.command)"
    }
    let backupLine = line(
      "backups compared, kills at \(plan.isAtEveryCall ? "every call" : "random")",
      plan.isMixed ? (plan.isAtEveryCall ? 1 : plan.kills / 2) : 0,
      backupChecks)
    guard plan.isAtEveryCall else {
      return [
        line("kills at random", plan.kills, kills), line("races for one store", plan.kills / 30, races),
        backupLine,
      ]
    }
    // Less when there was no time for all of them.
    return [
      line("kills at every call", plan.seconds == nil ? 500 : 1, killsAtCalls),
      line(
        "kinds of calls died at", plan.seconds == nil ? 17 : 1,
        FileCall.allCases.count - sweep.unreached.count),
      backupLine,
    ]
  }

  func report(_ sweep: CallSweep, seconds: Double) -> SoakReport {
    var report = SoakReport()
    report.tell("seconds", Figure.decimal(seconds, 0))
    report.tell("stores", "\(stores)")
    report.tell("kills", "\(kills)")
    report.tell("  at random moments", "\(killsAtMoments), \(killsWhileStarting) before the store was open")
    report.tell("  at calls", "\(killsAtCalls)")
    for line in sweep.lines { report.tell("    " + line.call, line.kills) }
    report.tell("  at no call of these kinds", sweep.unreached.map(\.rawValue).joined(separator: ", "))
    report.tell("writers that ended before their call", "\(ranThrough)")
    report.tell("stops, the store kept locked", "\(stops)")
    report.tell(
      "races of two, one of them refused",
      "\(races), within " + Figure.decimal(Double(slowestRefusalNanoseconds) / 1e6, 0) + " ms")
    report.tell("operations acknowledged", Figure.count(UInt64(acknowledged)))
    report.tell("stores compared", "\(storeChecks)")
    report.tell("operations compared", Figure.count(operationChecks))
    report.tell("backups finished", "\(backups)")
    report.tell("backups compared", "\(backupChecks)")
    report.tell("operations compared in backups", Figure.count(backupOperationChecks))
    for (index, violation) in violations.prefix(CrashCheck.limit).enumerated() {
      report.tell("violation \(index + 1)", violation)
    }
    report.require("violations", "\(violations.count)", "0", violations.isEmpty)
    return report
  }
}
