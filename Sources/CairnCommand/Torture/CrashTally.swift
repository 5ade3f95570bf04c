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
  var violations: [String] = []

  var kills: Int { killsAtMoments + killsAtCalls }

  func report(_ sweep: CallSweep, seconds: Double) -> SoakReport {
    var report = SoakReport()
    report.tell("seconds", Figure.decimal(seconds, 0))
    report.tell("stores", "\(stores)")
    report.tell("kills", "\(kills)")
    report.tell("  at random moments", "\(killsAtMoments), \(killsWhileStarting) before the store was open")
    report.tell("  at calls", "\(killsAtCalls)")
    for line in sweep.lines { report.tell("    " + line.call, line.kills) }
    report.tell("writers that ended before their call", "\(ranThrough)")
    report.tell("stops, the store kept locked", "\(stops)")
    report.tell(
      "races of two, one of them refused",
      "\(races), within " + Figure.decimal(Double(slowestRefusalNanoseconds) / 1e6, 0) + " ms")
    report.tell("operations acknowledged", Figure.count(UInt64(acknowledged)))
    report.tell("stores compared", "\(storeChecks)")
    report.tell("operations compared", Figure.count(operationChecks))
    for (index, violation) in violations.prefix(CrashCheck.limit).enumerated() {
      report.tell("violation \(index + 1)", violation)
    }
    report.require("violations", "\(violations.count)", "0", violations.isEmpty)
    return report
  }
}
