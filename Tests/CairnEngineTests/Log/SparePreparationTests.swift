import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A file is written beforehand for the next log where that makes syncs faster, and only there.
@Suite struct SparePreparationTests {
  @Test(arguments: [Durability.buffered, .durable]) func onlyForCommitsThatAreSynced(durability: Durability)
    throws
  {
    var options = EngineOptions()
    options.memoryLimit = 32 << 20
    let engine = try Engine.open(
      at: "/store", options: options, environment: .simulated(SimulatedFileSystem(), seed: 1))
    for number in 0..<24 {
      let value = [UInt8](repeating: UInt8(number), count: 16 << 10)
      try engine.write(durability) { try $0.set([UInt8(number)], to: value) }
    }
    let space = engine.statistics().space
    #expect((space.logCount > 1 || space.spareBytes > 0) == (durability == .durable))
    // The first that is synced has it made up for.
    try engine.write(.durable) { try $0.set([200], to: [UInt8](repeating: 1, count: 16 << 10)) }
    try engine.write(.durable) { try $0.set([200], to: [UInt8](repeating: 1, count: 16 << 10)) }
    let later = engine.statistics().space
    #expect(later.logCount > 1 || later.spareBytes > 0)
    #expect(try engine.all().count == 25)
    try engine.close()
  }
}
