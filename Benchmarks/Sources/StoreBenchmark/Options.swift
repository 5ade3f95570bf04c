import BenchmarkKit
import Foundation

/// What was typed.
struct Options: Sendable {
  var arguments: [String]
  var isQuick = false
  var isFull = false
  var only: [String] = []
  var subjects: [String] = []
  var directory = ScratchFolder.defaultBase
  var sizes = Sizes.standard

  static let usage = """
    usage: store-benchmark [--quick] [--full] [--rounds N] [--seconds S] [--only ID[,ID]] [--subjects A,B]
                           [--directory DIR]
      --quick      small stores, one short round: does everything run?
      --full       also what takes long: stores of up to ten million keys
      --rounds     how often everything is measured (5)
      --seconds    how long a cell is measured (0.6)
      --only       rows whose id is, or begins with, one of these
      --subjects   only these: Cairn, RocksDB, "limit direct", ...
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
    func list() throws -> [String] { try value().split(separator: ",").map(String.init) }
    while let argument = rest.popFirst() {
      switch argument {
      case "--quick": continue
      case "--full": isFull = true
      case "--only": only = try list()
      case "--subjects": subjects = try list().map { $0.lowercased() }
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

  func wants(row: String) -> Bool { only.isEmpty || only.contains { row.hasPrefix($0) } }
  func wants(subject: String) -> Bool { subjects.isEmpty || subjects.contains(subject.lowercased()) }
}
