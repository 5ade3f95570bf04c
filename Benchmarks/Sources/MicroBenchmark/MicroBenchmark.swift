import BenchmarkKit
import Foundation
import Synchronization

/// Instructions for each operation, counted by callgrind: they tell a regression on a machine whose clock says nothing.
///
///     micro-benchmark [--check | --update | --quick] [--only ID[,ID]]
///
/// Without a word it counts and prints. `--check` compares with `instruction-counts.json` and fails beyond 5 %,
/// `--update` rewrites that file, `--quick` only tries whether every workload runs, without counting.
@main
struct MicroBenchmark {
  private enum Mode {
    case show, check, update, quick
  }

  static func main() throws {
    var mode = Mode.show
    var workloads = MicroWorkload.all
    var run: MicroWorkload?
    var operations = 1
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--check": mode = .check
      case "--update": mode = .update
      case "--quick": mode = .quick
      case "--only":
        let ids = (arguments.popFirst() ?? "").split(separator: ",").map(String.init)
        workloads = workloads.filter { ids.contains($0.id) }
        guard workloads.count == ids.count else { fail("one of \(ids) is none of the workloads", status: 64) }
      case "--run":
        let id = arguments.popFirst()
        run = workloads.first { $0.id == id }
        guard run != nil else { fail("\(id ?? "") is none of the workloads", status: 64) }
      case "--operations": operations = arguments.popFirst().flatMap { Int($0) } ?? 0
      default: fail("usage: micro-benchmark [--check | --update | --quick] [--only ID[,ID]]", status: 64)
      }
    }
    if let run { return try run.run(operations) }
    if mode == .quick {
      for workload in workloads { try workload.run(workload.operations.fewer) }
      return print("all \(workloads.count) micro-benchmarks run")
    }
    let counts: InstructionCounts
    do {
      counts = try count(workloads)
    } catch {
      fail("no instructions were counted: \(error)", status: 1)
    }
    switch mode {
    case .show, .quick: show(counts)
    case .update: try update(counts, isWhole: workloads.count == MicroWorkload.all.count)
    case .check: try check(counts, isWhole: workloads.count == MicroWorkload.all.count)
    }
  }

  /// Counts are the same whatever else the machine does, so as many workloads run at once as there are cores.
  private static func count(_ workloads: [MicroWorkload]) throws -> InstructionCounts {
    let callgrind = try Callgrind()
    let outcomes = Mutex<[Int: Result<(count: Double, shares: [String: Double]), any Error>]>([:])
    let limit = DispatchSemaphore(value: ProcessInfo.processInfo.activeProcessorCount)
    let group = DispatchGroup()
    for index in workloads.indices {
      limit.wait()
      group.enter()
      let workload = Unchecked(value: workloads[index])
      Thread.detachNewThread {
        let outcome = Result { try callgrind.instructions(workload.value) }
        outcomes.withLock { $0[index] = outcome }
        limit.signal()
        group.leave()
      }
    }
    group.wait()
    let all = outcomes.withLock { $0 }
    let entries = try workloads.enumerated().compactMap { index, workload in
      try all[index].map { outcome in
        let (count, shares) = try outcome.get()
        return InstructionCounts.Entry(
          id: workload.id, name: workload.name, unit: workload.unit,
          instructions: (count * 100).rounded() / 100, shares: shares)
      }
    }
    return InstructionCounts(
      compiler: Machine.current(folder: ".").compiler, platform: Callgrind.platform(), entries: entries)
  }

  private static func show(_ counts: InstructionCounts) {
    print("instructions, \(counts.compiler), \(counts.platform)")
    for entry in counts.entries { print(line(entry, entry.instructions)) }
  }

  private static func update(_ counts: InstructionCounts, isWhole: Bool) throws {
    var stored = counts
    if !isWhole, let earlier = try InstructionCountsFile.read() {
      if let reason = earlier.reasonNotToCompare(with: counts) {
        fail("only all counts can be stored: \(reason)", status: 1)
      }
      stored.entries = earlier.entries.map { old in counts.entries.first { $0.id == old.id } ?? old }
      stored.entries += counts.entries.filter { new in !earlier.entries.contains { $0.id == new.id } }
    }
    try InstructionCountsFile.write(stored)
    show(counts)
    print("wrote \(InstructionCountsFile.path)")
  }

  private static func check(_ counts: InstructionCounts, isWhole: Bool) throws {
    guard var stored = try InstructionCountsFile.read() else {
      fail("there is no \(InstructionCountsFile.path): make bench-check UPDATE=1 writes it", status: 1)
    }
    if let reason = stored.reasonNotToCompare(with: counts) {
      return print("instruction counts are not compared: \(reason)")
    }
    if !isWhole { stored.entries.removeAll { old in !counts.entries.contains { $0.id == old.id } } }
    var isWell = true
    for (entry, change) in stored.changes(to: counts) {
      switch change {
      case .same(let growth): print("\(line(entry, entry.instructions))  \(percent(growth))")
      case .better(let growth):
        print("\(line(entry, entry.instructions))  \(percent(growth)), better: UPDATE=1 keeps it")
      case .worse(let growth):
        print("\(line(entry, entry.instructions))  \(percent(growth)), WORSE")
        isWell = false
      case .unmatched:
        print("\(line(entry, entry.instructions))  only stored, or only counted: UPDATE=1 puts it right")
        isWell = false
      }
    }
    if !isWell { fail("instruction counts are beyond 5 % of the stored ones", status: 1) }
    print("instruction counts are within 5 % of the stored ones")
  }

  private static func line(_ entry: InstructionCounts.Entry, _ value: Double) -> String {
    let figure = String(format: value < 100 ? "%.1f" : "%.0f", value)
    let padding = String(
      repeating: " ", count: max(1, 100 - entry.name.count - entry.unit.count - figure.count))
    return "  \(entry.name)\(padding)\(figure) / \(entry.unit)"
  }

  private static func percent(_ growth: Double) -> String {
    // A change of nothing is not written as minus nothing.
    String(format: "%+.2f %%", growth == 0 ? 0 : growth * 100)
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(status)
  }

  /// Workloads hold closures that nobody shares: each is run by one thread, or by another process.
  private struct Unchecked: @unchecked Sendable {
    let value: MicroWorkload
  }
}
