import BenchmarkKit
import Foundation

/// What was typed.
struct WorkflowOptions {
  var arguments: [String]
  var isQuick = false
  var subjects: [String] = []
  var directory = ScratchFolder.defaultBase
  var sizes = WorkflowSizes()

  static let usage = """
    usage: workflow-benchmark [--quick] [--rounds N] [--seconds S] [--subjects A,B] [--directory DIR]
      --quick      one short round: does everything run?
      --rounds     how often everything is measured (7)
      --seconds    how long a cell is measured (1)
      --subjects   only these: Cairn, SQLite, Redis, PostgreSQL
      --directory  where the stores are made: on the disk that is to be measured, not in memory
    """

  struct Misuse: Error {}

  init(_ arguments: [String]) throws {
    self.arguments = arguments
    isQuick = arguments.contains("--quick")
    if isQuick { sizes = .quick }
    var rest = arguments[...]
    func value() throws -> String {
      guard let value = rest.popFirst() else { throw Misuse() }
      return value
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--quick": continue
      case "--subjects": subjects = try value().split(separator: ",").map { $0.lowercased() }
      case "--directory": directory = try value()
      case "--rounds":
        guard let rounds = Int(try value()), rounds > 0 else { throw Misuse() }
        sizes.rounds = rounds
      case "--seconds":
        guard let seconds = Double(try value()), seconds > 0 else { throw Misuse() }
        sizes.seconds = seconds
      default: throw Misuse()
      }
    }
  }

  func wants(_ subject: String) -> Bool { subjects.isEmpty || subjects.contains(subject.lowercased()) }
}
