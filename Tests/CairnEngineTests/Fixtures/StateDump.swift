import CairnKV
import CairnTesting
import Foundation

@testable import CairnEngine

/// What a store holds, in the lines that the second reader prints with `--state`.
enum StateDump {
  /// What the engine finds in a copy of a store, opened with `options`.
  static func lines(of image: StoreImage, options: EngineOptions = Fixture.options()) throws -> [String] {
    let disk = try image.disk()
    let engine = try Engine.open(
      at: StoreImage.path, options: options, environment: .simulated(disk, seed: 1))
    let lines = try lines(of: engine.snapshot())
    try engine.close()
    return lines
  }

  static func lines(of snapshot: EngineSnapshot) throws -> [String] {
    var lines: [String] = []
    try snapshot.scan(.all, .ascending, limit: nil) { entry in
      lines.append(line(of: entry))
      return .proceed
    }
    return lines + ["{\"entries\":\(lines.count),\"last_sequence\":\(snapshot.position.rawValue)}"]
  }

  private static func line(of entry: KeyValue) -> String {
    let key = entry.key.map { padded(String($0, radix: 16), to: 2) }.joined()
    let hash = padded(String(entry.value.withUnsafeBytes { KeyHash.hash($0) }, radix: 16), to: 16)
    return "{\"key\":\"\(key)\",\"length\":\(entry.value.count),\"hash\":\"\(hash)\"}"
  }

  private static func padded(_ digits: String, to count: Int) -> String {
    String(repeating: "0", count: count - digits.count) + digits
  }
}
