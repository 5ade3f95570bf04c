/// When, where and how a run was made.
struct RunDescription {
  let results: Results

  init(_ results: Results) {
    self.results = results
  }

  /// In one line.
  var line: String {
    "\(results.name): \(rounds), \(place), \(Figures.minute(results.date))"
      + (results.isQuick ? " (quick: not to be quoted)" : "")
  }

  /// "7 interleaved rounds".
  var rounds: String { "\(results.rounds) interleaved round\(results.rounds == 1 ? "" : "s")" }

  /// "2 cores of an AMD EPYC 9R14, ext4 on /dev/vda".
  var place: String {
    let machine = results.machine
    // Mount options are for the long report.
    let fileSystem = machine.fileSystem.split(separator: ",").first.map(String.init) ?? machine.fileSystem
    return
      "\(machine.cores) cores of \(machine.processor), \(fileSystem), \(machine.system), \(machine.compiler)"
  }

  /// Everything, as a Markdown table.
  var markdown: String {
    let machine = results.machine
    var grid = Grid(header: ["run", "`\(results.name)`"])
    grid.rows = [
      ["date", Figures.minute(results.date)],
      ["command", "`\(results.command)`"],
      ["rounds", rounds + (results.isQuick ? ", **quick: not to be quoted**" : "")],
      ["noisy rounds", noisy],
      ["processor", "\(machine.processor), \(machine.cores) cores"],
      ["memory", Figures.value(Double(machine.memoryBytes) / 1_073_741_824) + " GiB"],
      ["system", "\(machine.system), \(machine.kernel)"],
      ["file system", machine.fileSystem],
      ["compiler", machine.compiler],
    ]
    return grid.markdown.replacing("--:", with: "---")
  }

  private var noisy: String {
    let rounds = results.noisyRounds()
    if results.probes.isEmpty { return "the disk was not probed" }
    return rounds.isEmpty ? "none" : rounds.map(String.init).joined(separator: ", ")
  }
}
