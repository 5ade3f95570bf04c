#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How often each target is executed, from which seed, and what came of it. Settled by the environment:
///
///     CAIRN_FUZZ_EXECUTIONS  over all targets; few by default, since every run of the tests does them
///     CAIRN_FUZZ_SEED        1 by default
///     CAIRN_FUZZ_TARGET      one target alone
///     CAIRN_FUZZ_INDEX       one execution alone, of that target
///     CAIRN_FUZZ_CELLS       a folder: where each target notes the execution that is under way
package struct FuzzCampaign: Sendable {
  /// What a plain run of the tests affords, where nothing is optimized.
  package static let fewExecutions: UInt64 = 20_000
  /// How long one execution may take. (The longest takes some milliseconds.)
  private static let greatestSeconds = 60
  /// By how much the process may grow in one execution.
  private static let greatestGrowthBytes = 64 << 20

  private let executions: UInt64
  private let seed: UInt64
  private let target: String?
  private let index: UInt64?
  private let cells: String?

  package init() {
    func number(_ name: String) -> UInt64? { Self.setting(name).flatMap { UInt64($0) } }
    executions = number("CAIRN_FUZZ_EXECUTIONS") ?? Self.fewExecutions
    seed = number("CAIRN_FUZZ_SEED") ?? 1
    index = number("CAIRN_FUZZ_INDEX")
    target = Self.setting("CAIRN_FUZZ_TARGET")
    cells = Self.setting("CAIRN_FUZZ_CELLS")
  }

  private static func setting(_ name: String) -> String? {
    guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
    return value
  }

  /// Whether somebody asked for this very number of executions, and so wants to read of them.
  private var isAskedFor: Bool { Self.setting("CAIRN_FUZZ_EXECUTIONS") != nil || target != nil }

  /// Executes a target as often as is its share; nothing where another one was asked for.
  /// - Throws: with the line that runs the execution again.
  package func run<Target: FuzzTarget>(_: Target.Type) throws {
    if let target, target != Target.name { return }
    let count = max(executions * UInt64(Target.share) / 1000, 1)
    let indices = index.map { $0..<$0 + 1 } ?? 0..<count
    let line: @Sendable (UInt64) -> String = { [seed] index in
      "CAIRN_FUZZ_TARGET=\(Target.name) CAIRN_FUZZ_SEED=\(seed) CAIRN_FUZZ_INDEX=\(index) make fuzz"
    }
    let cell = FuzzCell(path: cells.map { $0 + "/" + Target.name }, seed: seed, line: line)
    cell.watch(seconds: Self.greatestSeconds)
    defer { cell.finish() }
    let target = try Target()
    var accepted: UInt64 = 0
    var peak = Self.peakBytes()
    let start = Self.nanoseconds()
    for index in indices {
      cell.note(index)
      var random = FuzzRandom(seed: seed, index: index)
      do {
        if case .accepted = try target.execute(&random) { accepted += 1 }
      } catch {
        throw FuzzFinding("\(error)\nagain: \(line(index))")
      }
      // Only where nothing else runs in this process, and once there was time to warm up.
      if self.target != nil {
        let now = Self.peakBytes()
        if now - peak > Self.greatestGrowthBytes, index > indices.lowerBound + 100 {
          throw FuzzFinding("the process grew by \((now - peak) >> 20) MiB\nagain: \(line(index))")
        }
        peak = now
      }
    }
    let seconds = Double(Self.nanoseconds() - start) / 1e9
    if isAskedFor {
      let tenths = Int(seconds * 10)
      print(
        "fuzz \(Target.name): \(indices.count) executions, \(accepted) accepted, "
          + "\(UInt64(indices.count) - accepted) rejected, \(tenths / 10).\(tenths % 10) s, seed \(seed)")
    }
  }

  private static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The most memory that the process has had so far.
  private static func peakBytes() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss << 10
    #endif
  }
}
