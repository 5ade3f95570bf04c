import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Files rewritten into files, over and over: what is still named reads as ever.
@Suite struct ValueRewriteTests {
  /// A store's value files, as small as they can be: what integrates them does the same with more care.
  private struct Files {
    var readers: [UInt64: ValueFileReader] = [:]
    /// The file that the records of an origin are in.
    var places: [UInt64: UInt64] = [:]
    var liveness: [UInt64: ValueLiveness] = [:]
    var nextNumber: UInt64 = 1

    mutating func write(_ values: [[UInt8]], level: Int?) throws -> [ValueHandle] {
      let file = MemoryFile()
      let builder = ValueFileBuilder(
        file: file, fileNumber: nextNumber, salt: nextNumber &* 77,
        options: ValueFileOptions(compressionLevel: level, leastCompressedBytes: 0))
      let handles = try values.map { value in try value.withUnsafeBytes { try builder.append($0) } }
      let properties = try builder.finish()
      readers[nextNumber] = try ValueFileReader(file: file, fileNumber: nextNumber)
      places[nextNumber] = nextNumber
      let fresh: ValueLiveness = try #require(ValueLiveness(properties))
      liveness[nextNumber] = fresh
      nextNumber += 1
      return handles
    }

    mutating func drop(_ handles: [ValueHandle]) throws {
      for drops in try #require(ValueDrops.grouped(handles)) {
        var changed = try #require(liveness[drops.origin])
        let isDropped = changed.drop(drops)
        #expect(isDropped)
        liveness[drops.origin] = changed.isEmpty ? nil : changed
        if changed.isEmpty { places[drops.origin] = nil }
      }
      readers = readers.filter { number, _ in places.values.contains(number) }
    }

    var candidates: [ValueRewritePlanner.Candidate] {
      readers.values.map { reader in
        let live = reader.properties.origins.reduce(0) { $0 + (liveness[$1.number]?.liveBytes ?? 0) }
        return ValueRewritePlanner.Candidate(
          fileNumber: reader.properties.fileNumber, storedBytes: reader.properties.storedBytes,
          liveBytes: live)
      }
    }

    mutating func rewrite(_ numbers: [UInt64]) throws {
      let file = MemoryFile()
      let builder = ValueFileBuilder(
        file: file, fileNumber: nextNumber, salt: nextNumber &* 77, options: ValueFileOptions())
      for origin in places.filter({ numbers.contains($0.value) }).keys.sorted() {
        let live = try #require(liveness[origin])
        let reader = try #require(places[origin].flatMap { readers[$0] })
        for ordinal in live.liveOrdinals.ordinals {
          _ = try builder.carry(ValueName(origin: origin, ordinal: ordinal), from: reader)
        }
        places[origin] = nextNumber
      }
      let properties = try builder.finish()
      for number in numbers { readers[number] = nil }
      let reader = try ValueFileReader(file: file, fileNumber: nextNumber)
      #expect(reader.properties == properties)
      #expect(properties.storedBytes == candidates(of: properties))
      readers[nextNumber] = reader
      nextNumber += 1
    }

    private func candidates(of properties: ValueFileProperties) -> UInt64 {
      properties.origins.reduce(0) { $0 + (liveness[$1.number]?.liveBytes ?? 0) }
    }
  }

  @Test(arguments: 0..<8) func namesOutliveTheirFiles(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var files = Files()
    var model: [ValueHandle: [UInt8]] = [:]
    var rewrites = 0
    let planner = ValueRewritePlanner(leastLiveShare: 0.9, outputBytes: 2 << 20)
    for round in 0..<24 {
      let values = ValueFileModel.values(
        seed: random.next(), count: Int.random(in: 1...12, using: &random), greatest: 300_000)
      let handles = try files.write(values, level: round % 2 == 0 ? nil : 1)
      for (handle, value) in zip(handles, values) { model[handle] = value }
      let victims = model.keys.sorted { $0.name < $1.name }.filter { _ in
        Int.random(in: 0..<3, using: &random) == 0
      }
      try files.drop(victims)
      for victim in victims { model[victim] = nil }
      while true {
        let numbers = planner.pick(files.candidates)
        if numbers.isEmpty { break }
        try files.rewrite(numbers)
        rewrites += 1
      }
      for (handle, value) in model {
        let reader = try #require(files.places[handle.origin].flatMap { files.readers[$0] })
        #expect(try reader.read(handle) == value)
      }
      #expect(files.liveness.values.reduce(0) { $0 + Int($1.liveCount) } == model.count)
    }
    #expect(rewrites > 5, "seed \(seed)")
    for reader in files.readers.values {
      let encoded = reader.properties.encoded()
      #expect(encoded.withUnsafeBytes { ValueFileProperties(decoding: $0) } == reader.properties)
    }
  }

  /// A damaged record is not carried on under a checksum that would call it good.
  @Test(arguments: [nil, 1]) func damageIsNotCarried(level: Int?) throws {
    let value = (0..<5000).map { UInt8(truncatingIfNeeded: $0 / 10) }
    let model = try ValueFileModel([value], level: level)
    for offset in 0..<Int(model.handles[0].storedBytes) {
      var damaged = model.bytes
      damaged[offset] ^= 4
      let reader = try ValueFileReader(damaged)
      let builder = ValueFileBuilder(
        file: MemoryFile(), fileNumber: 99, salt: 1, options: ValueFileOptions())
      let error = #expect(throws: StorageError.self) {
        try builder.carry(ValueName(origin: 42, ordinal: 0), from: reader)
      }
      #expect(error?.code == .corruption)
    }
  }

  @Test func propertiesAreEncodedStrictly() throws {
    var properties = ValueFileProperties(fileNumber: 900)
    properties.origins = [
      .init(number: 3, recordCount: 1, storedBytes: 4),
      .init(number: 900, recordCount: 70_000, storedBytes: 1 << 40),
    ]
    properties.rawBytes = 1 << 41
    let bytes = properties.encoded()
    #expect(bytes.withUnsafeBytes { ValueFileProperties(decoding: $0) } == properties)
    for length in bytes.indices {
      #expect(bytes[..<length].withUnsafeBytes { ValueFileProperties(decoding: $0) } == nil)
    }
    #expect((bytes + [0]).withUnsafeBytes { ValueFileProperties(decoding: $0) } == nil)
    let changes: [(inout ValueFileProperties) -> Void] = [
      { $0.origins = [] }, { $0.origins.reverse() }, { $0.origins[1].number = 3 },
      { $0.origins[0].number = 0 },
      { $0.fileNumber = 899 }, { $0.origins[0].recordCount = 0 }, { $0.origins[0].recordCount = 2 },
      { $0.origins[0].storedBytes = .max }, { $0.origins[0].storedBytes = UInt64(Int64.max) },
      { $0.rawBytes = .max },
    ]
    for (number, change) in changes.enumerated() {
      var changed = properties
      change(&changed)
      #expect(
        changed.encoded().withUnsafeBytes { ValueFileProperties(decoding: $0) } == nil, "change \(number)")
    }
  }
}
