import Cairn
import Foundation

/// How long Cairn's CBOR coder takes beside Foundation's JSON coder, for the same values in the same run.
///
///     coding-benchmark [--quick]
///
/// Rounds of the two are interleaved, so that whatever slows the machine slows both; the figures are
/// medians over the rounds.
@main
struct CodingBenchmark {

  static func main() throws {
    let isQuick = CommandLine.arguments.dropFirst() == ["--quick"]
    let rounds = isQuick ? 1 : 11
    print("\(machine()), \(swiftVersion()), \(rounds) interleaved rounds")
    try compare("one record of 320 fields", WideRecord(), rounds: rounds, repetitions: 200)
    try compare("1,000 records of 5 fields", SmallRecord.list(1000), rounds: rounds, repetitions: 20)
  }

  static func compare<Value: Codable & Equatable>(
    _ name: String, _ value: Value, rounds: Int, repetitions: Int
  ) throws {
    let (jsonEncoder, jsonDecoder) = (JSONEncoder(), JSONDecoder())
    let (encoder, decoder) = (CBOREncoder(), CBORDecoder())
    let json = try jsonEncoder.encode(value)
    let cbor = try encoder.encode(value)
    let isRight = try decoder.decode(Value.self, from: cbor) == value && encoder.encode(value) == cbor

    var encoding = Comparison()
    var decoding = Comparison()
    for _ in 0..<rounds {
      encoding.json.append(try time(repetitions) { try jsonEncoder.encode(value).count })
      encoding.cbor.append(try time(repetitions) { try encoder.encode(value).count })
      decoding.json.append(try time(repetitions) { try jsonDecoder.decode(Value.self, from: json) })
      decoding.cbor.append(try time(repetitions) { try decoder.decode(Value.self, from: cbor) })
    }
    print(
      "\n\(name): JSON \(json.count) bytes, CBOR \(cbor.count) bytes, round trip \(isRight ? "right" : "WRONG")"
    )
    print("  encode  \(encoding)")
    print("  decode  \(decoding)")
    guard isRight else { throw WrongResult() }
  }

  /// Microseconds that one call of `body` takes, over `repetitions` calls.
  static func time<Result>(_ repetitions: Int, _ body: () throws -> Result) rethrows -> Double {
    let start = ContinuousClock.now
    for _ in 0..<repetitions { withExtendedLifetime(try body()) {} }
    return (ContinuousClock.now - start) / .microseconds(repetitions)
  }

  static func machine() -> String {
    let information = ProcessInfo.processInfo
    let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
      .split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    return "\(processor ?? "unknown processor"), \(information.activeProcessorCount) cores, "
      + information.operatingSystemVersionString
  }

  static func swiftVersion() -> String {
    #if compiler(>=6.3)
      "Swift 6.3 or later"
    #else
      "Swift 6.2"
    #endif
  }

  struct WrongResult: Error {}
}

/// Times of the two coders, in microseconds, round by round.
struct Comparison: CustomStringConvertible {
  var json: [Double] = []
  var cbor: [Double] = []

  var description: String {
    let ratio = String(format: "%.1f", median(json) / median(cbor))
    return "JSON \(summary(json))   CBOR \(summary(cbor))   JSON / CBOR \(ratio)"
  }

  private func summary(_ times: [Double]) -> String {
    String(format: "%7.1f us (%.1f to %.1f)", median(times), times.min() ?? 0, times.max() ?? 0)
  }

  private func median(_ times: [Double]) -> Double {
    times.sorted()[times.count / 2]
  }
}
