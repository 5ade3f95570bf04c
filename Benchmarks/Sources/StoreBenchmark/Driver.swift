import BenchmarkKit
import Foundation
import Peers

/// Runs scenarios: rounds, the order of turns, the disk's probe, failures.
struct Driver {
  let options: Options
  var results: Results
  private let probe: DiskProbe
  /// The best that the disk has shown so far.
  private var bestProbe: Double
  private var pausesLeft: Int
  private let scratch: ScratchFolder

  init(_ options: Options) throws {
    self.options = options
    scratch = try ScratchFolder(below: options.directory, "store-benchmark")
    probe = try DiskProbe(in: scratch.path)
    bestProbe = try probe.rate()
    pausesLeft = options.sizes.greatestPauses
    Progress.say("the disk alone: \(Int(bestProbe)) pages written and synced a second")
    results = Results(
      "store", command: "store-benchmark " + options.arguments.joined(separator: " "),
      isQuick: options.isQuick, machine: Machine.current(folder: scratch.path))
  }

  mutating func run(_ scenario: any Scenario) throws {
    let cells = scenario.cells.compactMap { cell in
      let rows = cell.rows.filter { options.wants(row: $0.id) }
      let contestants = cell.contestants.filter { options.wants(subject: $0.name) }
      return rows.isEmpty || contestants.isEmpty
        ? nil
        : ScenarioCell(
          rows: rows, contestants: contestants, needsDisk: cell.needsDisk, measure: cell.measure)
    }
    if cells.isEmpty { return }
    var contestants: [Contestant] = []
    for contestant in cells.flatMap(\.contestants)
    where !contestants.contains(where: { $0.name == contestant.name }) {
      contestants.append(contestant)
    }
    for contestant in contestants { results.add(contestant.subject(scenario.settings)) }
    for row in cells.flatMap(\.rows) { results.add(row) }
    let folder = scratch.path + "/" + cells[0].rows[0].id
    var absent: Set<String> = []
    for contestant in contestants {
      let own = folder + "/" + contestant.name.replacing(" ", with: "-")
      try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
      let start = ContinuousClock.now
      do { try scenario.prepare(contestant, in: own) } catch {
        absent.insert(contestant.name)
        leaveOut(contestant, error)
      }
      Progress.say(
        "filled \(contestant.name) in \((ContinuousClock.now - start).formatted(.units(width: .narrow, fractionalPart: .show(length: 1))))"
      )
    }
    for round in 1...options.sizes.rounds {
      Progress.say("round \(round) of \(options.sizes.rounds)")
      for cell in cells {
        let order = Interleaving.order(cell.contestants.filter { !absent.contains($0.name) }, round: round)
        for contestant in order {
          do { try measure(cell, contestant, round) } catch {
            absent.insert(contestant.name)
            leaveOut(contestant, error)
          }
        }
      }
    }
    try scenario.finish()
    try FileManager.default.removeItem(atPath: folder)
  }

  private mutating func measure(_ cell: ScenarioCell, _ contestant: Contestant, _ round: Int) throws {
    if cell.needsDisk { try waitForQuietDisk() }
    results.probe(
      try probe.rate(milliseconds: options.sizes.probeMilliseconds), round: round, row: cell.rows[0].id)
    var recorder = Recorder(results, subject: contestant.name, round: round)
    try cell.measure(contestant, &recorder)
    results = recorder.results
    results.probe(
      try probe.rate(milliseconds: options.sizes.probeMilliseconds), round: round, row: cell.rows[0].id)
  }

  /// What others have left to the system to write must not be written during a cell; and writing much may use up what
  /// a virtual disk allows at a time, so it is given a while to recover. What it then still is beyond the usual, the
  /// probes of the rounds show.
  private mutating func waitForQuietDisk() throws {
    sync()
    while pausesLeft > 0 {
      let rate = try probe.rate(milliseconds: options.sizes.probeMilliseconds)
      bestProbe = max(bestProbe, rate)
      if rate > bestProbe / 2 { return }
      Thread.sleep(forTimeInterval: 0.25)
      pausesLeft -= 1
    }
  }

  /// A peer that fails is no reason not to measure the others. Cairn's failures are ours.
  private mutating func leaveOut(_ contestant: Contestant, _ error: any Error) {
    Progress.say("\(contestant.name) failed: \(error)")
    results.skip(contestant.name, because: "\(error)")
  }
}
