import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Commits numbered from 1 on, of which each decides by its number alone what it writes and removes: so that the state
/// after any number of them is known, and a state tells of how many it is.
enum NumberedCommits {
  static let numberKey: [UInt8] = [0xFF]
  /// So many commits later a key is removed again.
  private static let lifetime = 40

  /// Options under which a few hundred of them make segments, value files, compactions and several logs.
  static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 16 << 10
    options.valueThreshold = 512
    options.leastManifestRolloverBytes = 16 << 10
    return options
  }

  private static func key(_ number: Int) -> [UInt8] { Tuple([.integer(Int64(number))]).encoded() }

  private static func value(_ number: Int) -> [UInt8] {
    var random = SeededGenerator(seed: UInt64(number))
    let length = number % 7 == 0 ? 600 + number % 300 : number % 120
    return (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  static func write(_ number: Int, to engine: Engine, _ durability: Durability = .durable) throws {
    try engine.write(durability) { try fill(&$0, number) }
  }

  static func fill(_ batch: inout WriteBatch, _ number: Int) throws(StorageError) {
    try batch.set(key(number), to: value(number))
    try batch.set(numberKey, to: key(number))
    // Every tenth removes ten at once.
    if number % 10 == 0, number > lifetime {
      try batch.remove(KeyRange(from: key(number - lifetime - 10), to: key(number - lifetime)))
    }
  }

  /// What a store holds after so many.
  static func state(after count: Int) -> [KeyValue] {
    if count == 0 { return [] }
    let end = count / 10 * 10 - lifetime
    let first = count >= 10 && end > 0 ? max(1, end) : 1
    return (first...count).map { KeyValue(key: key($0), value: value($0)) }
      + [KeyValue(key: numberKey, value: key(count))]
  }

  /// Of how many commits a store holds the state.
  /// - Throws: an issue's text when it is that of no number of them.
  static func count(in reader: any KeyValueReader) throws -> Int {
    guard let last = try reader.get(numberKey) else {
      guard try reader.entries(in: .all).isEmpty else { throw Wrong("there are entries, and no number") }
      return 0
    }
    guard case .integer(let number)? = try Tuple(decoding: last).elements.first else {
      throw Wrong("the number is none")
    }
    let count = Int(number)
    guard try reader.entries(in: .all) == state(after: count) else {
      throw Wrong("the state is not that after \(count) commits")
    }
    return count
  }

  struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
