import ArgumentParser
import CairnKV

/// `cairn soak queue`: what finding the head of a queue costs after many removals there.
struct QueueSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue",
    abstract: "A queue that is worked off: finding its head must stay as quick as in a fresh store.")

  @Option(help: ArgumentHelp("How many entries go through the queue, for each shape.", valueName: "n"))
  var count: Int = 1_000_000

  @Option(
    help: ArgumentHelp(
      "shallow (ten entries), deep (ten thousand) or transactions (a hundred, and the head is removed by the "
        + "transaction that reads it); all of them if not given.", valueName: "shape"))
  var shape: [QueueSoak.Shape] = []

  @Flag(help: "Sync every commit, instead of leaving that to the system.")
  var durable = false

  @OptionGroup var options: SoakOptions

  func validate() throws {
    guard (100...1_000_000_000).contains(count) else {
      throw ValidationError("--count takes 100 to 1000000000.")
    }
    if options.seed != nil { throw ValidationError("Nothing is random here: --seed makes no sense.") }
  }

  func run() async throws {
    try await options.run("queue") { console, folder in
      let shapes = shape.isEmpty ? QueueSoak.Shape.allCases : shape
      let memoryLimit = options.memoryLimit(orMebibytes: 64)
      console.line(
        "cairn soak queue --count \(count)\(durable ? " --durable" : "") "
          + "--memory-limit \(memoryLimit >> 20), in \(shown(folder.path))")
      var report = SoakReport()
      for shape in shapes {
        let soak = QueueSoak(
          shape: shape, count: count, durability: durable ? .durable : .buffered, memoryLimit: memoryLimit)
        try soak.run(in: folder, &report)
      }
      return report
    }
  }
}

extension QueueSoak.Shape: ExpressibleByArgument {}
