import BenchmarkKit
import Cairn
import Foundation
import SampleRecords

/// How long Cairn's CBOR coder takes beside Foundation's JSON coder, for the same values.
struct EncodingComparison {
  private let encode: Row
  private let decode: Row
  private let body: (inout Times) throws -> Void

  /// Microseconds of each coder and direction.
  private struct Times {
    var repetitions: Int
    var jsonEncode = 0.0
    var jsonDecode = 0.0
    var cborEncode = 0.0
    var cborDecode = 0.0
  }

  static var all: [EncodingComparison] {
    [
      EncodingComparison("wide", "a record of 320 fields", WideRecord(), repetitions: 200),
      EncodingComparison("list", "1,000 records of 5 fields", SmallRecord.list(1000), repetitions: 20),
    ]
  }

  private static let json = Subject(
    "Foundation JSON", .peer, configuration: "JSONEncoder and JSONDecoder as they come")

  private init<Value: Codable & Equatable>(
    _ id: String, _ name: String, _ value: Value, repetitions: Int
  ) {
    encode = Row(
      "encode-\(id)", section: "Encoding", name: "encode \(name)", unit: "µs", greaterIsBetter: false)
    decode = Row(
      "decode-\(id)", section: "Encoding", name: "decode \(name)", unit: "µs", greaterIsBetter: false)
    body = { times in
      let (jsonEncoder, jsonDecoder) = (JSONEncoder(), JSONDecoder())
      let (encoder, decoder) = (CBOREncoder(), CBORDecoder())
      let json = try jsonEncoder.encode(value)
      let cbor = try encoder.encode(value)
      guard try decoder.decode(Value.self, from: cbor) == value, try encoder.encode(value) == cbor else {
        throw WorkflowRow.WrongResult()
      }
      let count = max(1, repetitions / times.repetitions)
      times.jsonEncode = try Self.time(count) { try jsonEncoder.encode(value).count }
      times.cborEncode = try Self.time(count) { try encoder.encode(value).count }
      times.jsonDecode = try Self.time(count) { try jsonDecoder.decode(Value.self, from: json) }
      times.cborDecode = try Self.time(count) { try decoder.decode(Value.self, from: cbor) }
    }
  }

  func measure(_ round: Int, _ sizes: WorkflowSizes, _ results: inout Results) throws {
    var times = Times(repetitions: sizes.rounds == 1 ? 10 : 1)
    try body(&times)
    results.add(Self.json)
    results.add(encode)
    results.add(decode)
    results.record(times.cborEncode, row: encode.id, subject: "Cairn", round: round)
    results.record(times.jsonEncode, row: encode.id, subject: Self.json.name, round: round)
    results.record(times.cborDecode, row: decode.id, subject: "Cairn", round: round)
    results.record(times.jsonDecode, row: decode.id, subject: Self.json.name, round: round)
  }

  /// Microseconds that one call of `body` takes, over so many calls.
  private static func time<Result>(_ repetitions: Int, _ body: () throws -> Result) rethrows -> Double {
    let start = ContinuousClock.now
    for _ in 0..<repetitions { withExtendedLifetime(try body()) {} }
    return (ContinuousClock.now - start) / .microseconds(repetitions)
  }
}
