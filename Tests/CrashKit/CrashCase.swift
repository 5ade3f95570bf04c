// One case as one line: which steps, where the power goes, what is kept; and again, of the recovery.

package import CairnTesting

/// A case of an exploration: all that is needed to repeat it.
package struct CrashCase: Hashable, Sendable {
  /// One crash.
  package struct Crash: Hashable, Sendable {
    /// The operation before which it comes, counted from the beginning of the run, or of the recovery.
    package var operation: Int
    package var choice: CrashChoice
  }

  /// The workload's name.
  package var workload: String
  package var steps: [Int]
  /// The crash of the workload, then that of its recovery, and so on.
  package var crashes: [Crash]

  package init(workload: String, steps: [Int], crashes: [Crash]) {
    self.workload = workload
    self.steps = steps
    self.crashes = crashes
  }
}

extension CrashCase: LosslessStringConvertible {
  /// As in `flushes steps=0-3,7 57:m0-2;d3.0-7@4 12:nothing`.
  package var description: String {
    (["\(workload) steps=\(IndexRanges.text(steps))"] + crashes.map { "\($0.operation):\($0.choice)" })
      .joined(separator: " ")
  }

  package init?(_ description: String) {
    let words = description.split(separator: " ")
    guard words.count > 1, words[1].hasPrefix("steps="), let steps = IndexRanges.parse(words[1].dropFirst(6))
    else { return nil }
    var crashes: [Crash] = []
    for word in words.dropFirst(2) {
      let parts = word.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let operation = Int(parts[0]), let choice = CrashChoice(String(parts[1])) else {
        return nil
      }
      crashes.append(Crash(operation: operation, choice: choice))
    }
    self.init(workload: String(words[0]), steps: steps, crashes: crashes)
  }
}
