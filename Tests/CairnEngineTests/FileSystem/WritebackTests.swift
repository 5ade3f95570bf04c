import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Large files are handed to the disk while they grow.
@Suite struct WritebackTests {
  private final class HintedDisk: ForwardingFileSystem {
    let base: any FileSystem = SimulatedFileSystem()
    let hints = Mutex<[String: [Range<UInt64>]]>([:])

    func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
      HintedFile(try base.openFile(path, mode), self)
    }
  }

  private final class HintedFile: ForwardingFile {
    let base: any File
    private let disk: HintedDisk
    init(_ base: any File, _ disk: HintedDisk) {
      self.base = base
      self.disk = disk
    }
    func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {
      disk.hints.withLock { $0[base.path, default: []].append(offset..<offset + count) }
      try base.startWriteback(at: offset, count: count)
    }
  }

  private var options: EngineOptions {
    var options = EngineOptions()
    options.memtableBytes = 8 << 20
    options.compressionLevel = nil
    return options
  }

  private func fill(_ engine: Engine, mebibytes: Int, valueBytes: Int) throws {
    for index in 0..<(mebibytes << 20) / valueBytes {
      // Where nothing is synced no spare is made.
      try engine.write(index % 64 == 0 ? .durable : .buffered) {
        try $0.set([UInt8(index >> 8), UInt8(index & 0xFF)], to: [UInt8](repeating: 1, count: valueBytes))
      }
    }
  }

  @Test(arguments: [(1500, ".segment"), (200 << 10, ".values"), (1500, ".spare")])
  func aGrowingFileIsHandedOverPieceByPiece(valueBytes: Int, ending: String) throws {
    let disk = HintedDisk()
    var environment = Environment.simulated(SimulatedFileSystem(), seed: 1)
    environment.fileSystem = disk
    let engine = try Engine.open(at: "/store", options: options, environment: environment)
    try fill(engine, mebibytes: 12, valueBytes: valueBytes)
    let hints = disk.hints.withLock { $0.filter { $0.key.hasSuffix(ending) } }
    #expect(!hints.isEmpty)
    for (path, ranges) in hints {
      #expect(ranges.first?.lowerBound == 0)
      for (former, next) in zip(ranges, ranges.dropFirst()) { #expect(former.upperBound == next.lowerBound) }
      #expect(ranges.allSatisfy { (1 << 20...2 << 20).contains($0.count) }, "\(path)")
      if let size = try disk.information(at: path)?.size, let end = ranges.last?.upperBound {
        #expect(size - end < 1 << 20, "\(path)")
      }
    }
    try engine.close()
  }

  /// A disk that reports an error with the hint has lost the file, and nothing else: it is written again.
  @Test(arguments: [FaultPlan.Cause.inputOutput, .noSpace])
  func aFailureCostsTheFileAlone(cause: FaultPlan.Cause) throws {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", options: options, environment: .simulated(disk, seed: 1))
    disk.setFaultPlan(FaultPlan([.init(.startWriteback, cause: cause, pathContaining: ".segment")]))
    while engine.tree.state.sealed.isEmpty, engine.statistics().flushes.count == 0 {
      try fill(engine, mebibytes: 1, valueBytes: 1500)
    }
    #expect(engine.tree.directory.latch.refusal == nil)
    #expect(engine.statistics().flushes.count == 0)
    #expect(try disk.list("/store").filter { $0.hasSuffix(".segment") } == [])
    let expected = try engine.all()
    engine.background.scheduleFlush()
    #expect(engine.statistics().flushes.count == 1)
    #expect(try engine.all() == expected)
    try engine.close()
  }

  @Test func theSystemTakesTheHint() throws {
    let directory = try TemporaryDirectory()
    let file = try POSIXFileSystem().openFile(directory.path + "/file", .create)
    try file.writeBytes([UInt8](repeating: 1, count: 100_000), at: 0)
    try file.startWriteback(at: 0, count: 100_000)
    // Nothing there to be written: no error.
    try file.startWriteback(at: 1 << 40, count: 1 << 20)
    #expect(throws: StorageError.self) { try file.startWriteback(at: .max, count: 1) }
    try file.close()
    #expect(throws: StorageError.self) { try file.startWriteback(at: 0, count: 1) }
  }

  /// A memtable ends at most an eighth beyond its limit, and one entry.
  @Test(arguments: [8 << 20, 64 << 20]) func memoryGrowsInStepsThatSuitItsLimit(memoryLimit: Int) throws {
    var options = EngineOptions()
    options.memoryLimit = memoryLimit
    let memtable = Memtable(oldestLog: 1, options, pool: PagePool(limit: 0))
    let value = [UInt8](repeating: 1, count: 500)
    var sequence: UInt64 = 0
    while memtable.reservedBytes <= options.memtableLimit {
      sequence += 1
      let key = withUnsafeBytes(of: sequence.bigEndian) { Array($0) }
      key.withUnsafeBytes { key in
        value.withUnsafeBytes {
          memtable.insert(key: key, trailer: EntryTrailer(sequence: sequence, kind: .value), value: $0)
        }
      }
    }
    #expect(memtable.reservedBytes <= options.memtableLimit * 9 / 8 + 1024)
    // And most of it is entries.
    #expect(Int(sequence) * 500 > options.memtableLimit * 3 / 4)
  }
}
