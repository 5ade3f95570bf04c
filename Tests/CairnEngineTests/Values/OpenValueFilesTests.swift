import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Many value files, few of them open, and what they keep in memory taken from the block cache.
@Suite struct OpenValueFilesTests {
  private struct Fixture {
    let files = CountingFileSystem(SimulatedFileSystem())
    let cache: BlockCache
    let open: OpenValueFiles
    var properties: [ValueFileProperties] = []
    var handles: [ValueHandle] = []

    /// Each file has 400 records of two bytes: an index of 9.6 KB.
    init(count: Int, fileLimit: Int, cacheBytes: Int) throws {
      try files.createDirectory("/store")
      let directory = StoreDirectory(path: "/store", fileSystem: files)
      cache = BlockCache(capacityBytes: cacheBytes)
      open = OpenValueFiles(directory: directory, cache: cache, fileLimit: fileLimit)
      for number in 1...UInt64(count) {
        let builder = ValueFileBuilder(
          file: try directory.open(.values(number), .create), fileNumber: number, salt: 1,
          options: ValueFileOptions(compressionLevel: nil))
        let appended = try (0..<400).map { _ in
          try [UInt8(truncatingIfNeeded: number), 1].withUnsafeBytes { try builder.append($0) }
        }
        handles.append(try #require(appended.last))
        properties.append(try builder.finish())
      }
    }

    func isRead(_ index: Int) throws -> Bool {
      try open.reader(of: properties[index]).read(handles[index]) == [UInt8(index + 1), 1]
    }
  }

  @Test(arguments: [(8, 8 << 20), (64, 1 << 20)])
  func theLimitsHold(fileLimit: Int, cacheBytes: Int) throws {
    var random = SeededGenerator(seed: 3)
    let fixture = try Fixture(count: 30, fileLimit: fileLimit, cacheBytes: cacheBytes)
    for _ in 0..<300 {
      #expect(try fixture.isRead(random.below(30)))
      #expect(fixture.open.count <= fileLimit)
      #expect(fixture.files.open == fixture.open.count)
      #expect(fixture.cache.reservedBytes >= fixture.open.count * 400 * 24)
      #expect(fixture.cache.reservedBytes <= fixture.open.byteLimit)
    }
    // Both limits were met: one by the number of files, the other by their bytes.
    #expect(fixture.open.count == (fileLimit == 8 ? 8 : 12))
  }

  @Test func whatIsHeldIsChargedUntilItGoes() throws {
    let fixture = try Fixture(count: 30, fileLimit: 2, cacheBytes: 8 << 20)
    var held: ValueFileReader? = try fixture.open.reader(of: fixture.properties[0])
    let bytes = try #require(held?.memoryBytes)
    for index in 1..<30 { #expect(try fixture.isRead(index)) }
    #expect(fixture.files.open == 3)
    #expect(fixture.cache.reservedBytes == 3 * bytes)
    #expect(try held?.read(fixture.handles[0]) == [1, 1])
    held = nil
    #expect(fixture.files.open == 2)
    #expect(fixture.cache.reservedBytes == 2 * bytes)
  }
}
