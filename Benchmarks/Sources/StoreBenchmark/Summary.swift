import BenchmarkKit
import Foundation

/// The results as a list, for whoever has measured just now. The table is made by the reports.
enum Summary {
  static func text(_ results: Results) -> String {
    var lines: [String] = []
    for row in results.rows {
      let noisy = results.noisyRounds(row: row.id)
      lines.append("\(row.name), \(row.unit)\(noisy.isEmpty ? "" : "; noisy rounds: \(noisy)")")
      for subject in results.subjects {
        guard let median = results.median(row.id, subject.name) else { continue }
        let name = subject.name.padding(toLength: 24, withPad: " ", startingAt: 0)
        let value = String(format: median < 100 ? "%12.2f" : "%12.0f", median)
        let spread = String(format: "%3.0f", results.spread(row.id, subject.name) * 100)
        let ratio = results.ratio(row.id, "Cairn", to: subject.name).map { String(format: "%6.2f", $0) }
        lines.append("  \(name) \(value) ± \(spread) %   Cairn: \(ratio ?? "     -") ×")
      }
    }
    return lines.joined(separator: "\n")
  }
}
