public import Foundation

/// The JSON of a run, `NAME.json` in the folder that the reports read.
public enum ResultsFile {
  /// Where runs leave their results, from the package's root.
  public static let folder = ".build/results"
  /// Where quick ones do, so that they never take the place of what was measured in full.
  public static let quickFolder = ".build/results-quick"

  /// Writes a run's results, replacing those of an earlier one of the same name.
  /// - Parameter given: The folder; by default ``folder``, or ``quickFolder`` for a quick run.
  /// - Returns: the file.
  @discardableResult
  public static func write(_ results: Results, to given: String? = nil) throws -> String {
    let folder = given ?? (results.isQuick ? quickFolder : folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/\(results.name).json"
    try encode(results).write(to: URL(filePath: path), options: .atomic)
    return path
  }

  /// All results in a folder, by their names.
  public static func readAll(in folder: String = folder) throws -> [Results] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
    return try names.sorted().map { name in
      try decode(Results.self, Data(contentsOf: URL(filePath: folder + "/" + name)))
    }
  }

  /// JSON with sorted keys, so that the same results are the same bytes.
  public static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(value) + Data("\n".utf8)
  }

  /// The same without layout, for the file that is kept: a line a run.
  public static func encodeCompact(_ runs: [Results]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    let lines = try runs.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    return Data("[\n\(lines.joined(separator: ",\n"))\n]\n".utf8)
  }

  /// What ``encode(_:)`` wrote.
  public static func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(type, from: data)
  }
}
