import Foundation

/// The stored instruction counts, `instruction-counts.json` in the package's root.
public enum InstructionCountsFile {
  /// The file.
  public static let path = "instruction-counts.json"

  /// The stored counts; `nil` when there are none.
  public static func read() throws -> InstructionCounts? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try ResultsFile.decode(InstructionCounts.self, Data(contentsOf: URL(filePath: path)))
  }

  /// Replaces the stored counts.
  public static func write(_ counts: InstructionCounts) throws {
    try ResultsFile.encode(counts).write(to: URL(filePath: path), options: .atomic)
  }
}
