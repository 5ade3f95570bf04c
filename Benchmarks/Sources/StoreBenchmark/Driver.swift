import BenchmarkKit
import Foundation
import Peers

/// Runs scenarios: rounds, the order of turns, the disk's probe, failures.
struct Driver {
  let options: Options
  var results: Results
  private let probe: DiskProbe
  private let processor = ProcessorProbe()
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
    let cells = scenario.cells.compactMap(wanted)
    guard let first = cells.first?.rows.first else { return }
    var contestants: [Contestant] = []
    for contestant in cells.flatMap(\.contestants)
    where !contestants.contains(where: { $0.name == contestant.name }) {
      contestants.append(contestant)
    }
    for contestant in contestants { results.add(contestant.subject(scenario.settings)) }
    for row in cells.flatMap(\.rows) { results.add(row) }
    let folder = scratch.path + "/" + first.id
    var present = fill(contestants, scenario, folder)
    for round in 1...options.sizes.rounds {
      Progress.say("round \(round) of \(options.sizes.rounds)")
      for cell in cells {
        let candidates = cell.contestants.filter { present.contains($0.name) }
        for contestant in Interleaving.order(candidates, round: round) {
          do { try measure(cell, contestant, round) } catch {
            present.remove(contestant.name)
            leaveOut(contestant, error)
          }
        }
      }
    }
    try scenario.finish()
    try FileManager.default.removeItem(atPath: folder)
  }

  /// What of a cell was asked for.
  private func wanted(_ cell: ScenarioCell) -> ScenarioCell? {
    let rows = cell.rows.filter { options.wants(row: $0.id) }
    let contestants = cell.contestants.filter { options.wants(subject: $0.name) }
    if rows.isEmpty || contestants.isEmpty { return nil }
    return ScenarioCell(
      rows: cell.rows, contestants: contestants, needsDisk: cell.needsDisk, measure: cell.measure)
  }

  /// - Returns: the names of those that can be measured.
  private mutating func fill(
    _ contestants: [Contestant], _ scenario: any Scenario, _ folder: String
  ) -> Set<String> {
    var present: Set<String> = []
    for contestant in contestants {
      let start = ContinuousClock.now
      do {
        let own = folder + "/" + contestant.name.replacing(" ", with: "-")
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        try scenario.prepare(contestant, in: own)
        present.insert(contestant.name)
      } catch { leaveOut(contestant, error) }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      Progress.say("filled \(contestant.name) in \(String(format: "%.1f", seconds)) s")
    }
    return present
  }

  private mutating func measure(_ cell: ScenarioCell, _ contestant: Contestant, _ round: Int) throws {
    if cell.needsDisk { try waitForQuietDisk() }
    try takeProbe(cell, round)
    var recorder = Recorder(results, subject: contestant.name, round: round)
    try cell.measure(contestant, &recorder)
    results = recorder.results
    try takeProbe(cell, round)
  }

  private mutating func takeProbe(_ cell: ScenarioCell, _ round: Int) throws {
    let milliseconds = options.sizes.probeMilliseconds
    let rate =
      cell.needsDisk ? try probe.rate(milliseconds: milliseconds) : processor.rate(milliseconds: milliseconds)
    results.probe(rate, of: cell.needsDisk ? .disk : .processor, round: round, row: cell.rows[0].id)
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
