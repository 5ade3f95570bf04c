import BenchmarkKit
import Foundation
import Peers
import Testing

/// What is compared must do the same: every engine against a dictionary.
@Suite struct EngineAgreementTests {
  private static let settings = StoreSettings(memoryBytes: 64 << 20, prefixBytes: 8, hasLargeValues: true)

  @Test(arguments: Engines.all.map(\.name))
  func anEngineDoesWhatADictionaryDoes(_ name: String) throws {
    let engine = try #require(Engines.named(name))
    let folder = try ScratchFolder(below: FileManager.default.temporaryDirectory.path, "peers")
    var store = try engine.open(at: folder.path + "/store", Self.settings)
    var model = Model(seed: 7)
    for step in 0..<12 {
      try work(store.makeSession(), &model, isRemoving: step == 5)
      if step % 4 == 2 { try store.settle() }
      if step % 4 == 3 {
        try close(&store)
        store = try engine.open(at: folder.path + "/store", Self.settings)
      }
    }
    try model.compare(with: try store.makeSession())
    try store.close()
  }

  /// The session is gone when this returns, as closing wants it.
  private func work(_ session: any StoreSession, _ model: inout Model, isRemoving: Bool) throws {
    for _ in 0..<20 { try session.commit(model.someWrites(), durable: model.below(4) == 0) }
    try model.compare(with: session)
    guard isRemoving else { return }
    let range = model.removeSome()
    try session.removeAll(from: range.lower, to: range.upper)
    try model.compare(with: session)
  }

  private func close(_ store: inout any BenchmarkStore) throws {
    try store.synchronize()
    try store.close()
  }

  @Test(arguments: Engines.all.map(\.name))
  func appendedEntriesAreThere(_ name: String) throws {
    let engine = try #require(Engines.named(name))
    let folder = try ScratchFolder(below: FileManager.default.temporaryDirectory.path, "peers")
    let store = try engine.open(at: folder.path + "/store", Self.settings)
    let keys = (UInt8(1)...100).map { [0, $0] }
    var writes = WriteSet(keys: keys, values: keys)
    writes.appends = true
    try store.makeSession().commit(writes, durable: false)
    var found: [[UInt8]] = []
    try store.makeSession().scan(from: [0], limit: 1000) { key, _ in found.append([UInt8](key)) }
    #expect(found == keys)
    try store.close()
  }

  @Test func everyEngineSaysWhatItIs() {
    for engine in Engines.all {
      #expect(!engine.version.isEmpty && engine.version != "unknown")
      #expect(engine.configuration(Self.settings).contains("durable"))
    }
  }
}

/// The entries as they should be.
private struct Model {
  private var entries: [[UInt8]: [UInt8]] = [:]
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }

  /// Eight bytes that few keys share, and eight more; the prefix FF…FF, which has no successor, among them.
  private mutating func someKey() -> [UInt8] {
    let prefix = below(20)
    return [UInt8](repeating: prefix == 0 ? 0xFF : UInt8(prefix), count: 8)
      + [0, 0, 0, 0, 0, 0, UInt8(below(4)), UInt8(below(256))]
  }

  mutating func someWrites() -> WriteSet {
    let keys = Set((0...below(30)).map { _ in someKey() }).sorted { $0.lexicographicallyPrecedes($1) }
    let values = keys.map { _ in [UInt8](repeating: UInt8(below(256)), count: 1 + below(3000)) }
    for (key, value) in zip(keys, values) { entries[key] = value }
    return WriteSet(keys: keys, values: values)
  }

  mutating func removeSome() -> (lower: [UInt8], upper: [UInt8]) {
    let bounds = [someKey(), someKey()].sorted { $0.lexicographicallyPrecedes($1) }
    entries = entries.filter { key, _ in
      key.lexicographicallyPrecedes(bounds[0]) || !key.lexicographicallyPrecedes(bounds[1])
    }
    return (bounds[0], bounds[1])
  }

  mutating func compare(with session: any StoreSession) throws {
    let sorted = entries.keys.sorted { $0.lexicographicallyPrecedes($1) }
    for key in sorted + (0..<200).map({ _ in someKey() }) {
      var lent: [UInt8]?
      try session.lend(key) { lent = $0.map { [UInt8]($0) } }
      #expect(lent == entries[key])
      #expect(try session.get(key) == entries[key])
    }
    for lower in [[0], someKey(), someKey()] {
      let limit = 1 + below(2000)
      var keys: [[UInt8]] = []
      try session.scan(from: lower, limit: limit) { key, value in
        keys.append([UInt8](key))
        #expect(entries[[UInt8](key)] == [UInt8](value))
      }
      #expect(keys == Array(sorted.filter { !$0.lexicographicallyPrecedes(lower) }.prefix(limit)))
    }
    for byte in [UInt8(0), 1, 5, 19, 21, 0xFF] {
      let prefix = [UInt8](repeating: byte, count: 8)
      var newest: [UInt8]?
      try session.newest(ofPrefix: prefix) { newest = $0.map { [UInt8]($0) } }
      #expect(newest == sorted.last { $0.starts(with: prefix) }.flatMap { entries[$0] })
    }
  }
}
