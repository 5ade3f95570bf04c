import BenchmarkKit
import Foundation

/// Counts the instructions of this program's own runs.
struct Callgrind {
  /// Why there is no count.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let program: String

  /// - Throws: ``Failure`` when valgrind is not there.
  init() throws {
    guard (try? Command.output("valgrind", ["--version"])) != nil else {
      throw Failure(description: "valgrind is not installed")
    }
    guard let program = Bundle.main.executablePath else {
      throw Failure(description: "this program does not know its own path")
    }
    self.program = program
  }

  /// Instructions for each of a workload's units, and the share of each kind.
  func instructions(_ workload: MicroWorkload) throws -> (count: Double, shares: [String: Double]) {
    let fewer = try run(workload, workload.operations.fewer)
    let more = try run(workload, workload.operations.more)
    let operations = workload.operations.more - workload.operations.fewer
    return (
      Double(more.total - fewer.total) / Double(operations * workload.unitsPerOperation),
      more.profile.shares(beyond: fewer.profile)
    )
  }

  /// What decides counts beside the compiler: the processor's features by which code chooses its way, the C library,
  /// and valgrind, which says which of them it knows.
  static func platform() -> String {
    let flags =
      SystemText.read("/proc/cpuinfo")?
      .split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
    let features = ["sse4_2", "pclmulqdq", "avx2", "bmi2", "erms", "fsrm"].filter {
      flags.contains(Substring($0))
    }
    let machine = (try? Command.output("uname", ["-m"])) ?? "unknown"
    let library = (try? Command.output("getconf", ["GNU_LIBC_VERSION"])) ?? "unknown C library"
    let valgrind = (try? Command.output("valgrind", ["--version"])) ?? "no valgrind"
    func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    return [trimmed(machine), features.joined(separator: " "), trimmed(library), trimmed(valgrind)]
      .joined(separator: ", ")
  }

  private func run(
    _ workload: MicroWorkload, _ operations: Int
  ) throws -> (total: Int, profile: CallgrindProfile) {
    let name = "callgrind-\(workload.id)-\(operations)-\(getpid())"
    let path = FileManager.default.temporaryDirectory.path + "/" + name
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try Command.output(
      "valgrind",
      [
        "--tool=callgrind", "--callgrind-out-file=\(path)", program, "--run", workload.id, "--operations",
        "\(operations)",
      ],
      environment: [
        // Without it each process hashes with a seed of its own, and so takes another way through every dictionary.
        "SWIFT_DETERMINISTIC_HASHING": "1",
        // `rep movsb` counts as an instruction a byte, and would be most of what a large copy or a padded page costs;
        // without it the C library moves vectors, as it does on processors that have nothing better.
        "GLIBC_TUNABLES":
          "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824",
      ])
    guard let line = output.split(separator: "\n").first(where: { $0.contains("Collected :") }),
      let count = line.split(separator: " ").last.flatMap({ Int($0) })
    else { throw Failure(description: "callgrind said nothing of \(workload.id): \(output.suffix(300))") }
    return (count, CallgrindProfile(try String(contentsOfFile: path, encoding: .utf8)))
  }
}
