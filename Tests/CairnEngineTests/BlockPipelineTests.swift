import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Segments whose blocks are compressed by two threads.
@Suite struct BlockPipelineTests {
  /// Who compresses beside the builder.
  enum Help: CaseIterable {
    case atOnce, thread, neverRun, late, stopped

    func makeHelper() -> CompressionThread {
      switch self {
      case .atOnce: return CompressionThread(scheduler: InlineScheduler())
      case .thread: return CompressionThread(scheduler: ThreadScheduler())
      case .neverRun: return CompressionThread(scheduler: StubbornScheduler(delay: nil))
      case .late: return CompressionThread(scheduler: StubbornScheduler(delay: 3))
      case .stopped:
        let helper = CompressionThread(scheduler: ThreadScheduler())
        helper.stop()
        return helper
      }
    }
  }

  /// Runs each job when so many more have come, or never.
  private final class StubbornScheduler: BackgroundScheduler, BackgroundQueue {
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let delay: Int?

    init(delay: Int?) { self.delay = delay }

    func makeQueue(label: String) -> any BackgroundQueue { self }
    func makePause() -> any Pause { InlineScheduler().makePause() }
    func submit(_ job: @escaping @Sendable () -> Void) {
      guard let delay else { return }
      let due = jobs.withLock { jobs in
        jobs.append(job)
        return jobs.count > delay ? jobs.removeFirst() : nil
      }
      due?()
    }
    func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void) {}
    func drainAndStop() {}
  }

  /// Of several kinds: alike, then random, then alike; large ones between.
  private static func model(seed: UInt64) -> SegmentModel {
    var random = SeededGenerator(seed: seed)
    // Blocks have several of them, so that none repeats within a block.
    let texts = (0..<97).map { _ in random.bytes(1000) }
    let kind = seed % 4
    return SegmentModel(
      entries: (0..<2000).map { number in
        let isAlike = kind == 0 || kind == 2 || kind == 3 && number < 1000
        var value = isAlike ? texts[0].dropLast(50) + texts[number % 97].prefix(50) : texts[number % 97]
        if kind == 2 && number % 500 == 17 { value += texts.joined().prefix(90_000) }
        return ModelEntry(
          key: [UInt8(number >> 8), UInt8(number & 255)], trailer: EntryTrailer(sequence: 7, kind: .value),
          value: value)
      })
  }

  private static func write(
    _ model: SegmentModel, _ options: SegmentOptions, _ helper: CompressionThread?
  ) throws -> (bytes: [UInt8], properties: SegmentProperties) {
    let file = MemoryFile()
    let builder = SegmentBuilder(
      file: file, fileNumber: SegmentModel.fileNumber, salt: 7, options: options, helper: helper)
    for entry in model.entries {
      try entry.key.withUnsafeBytes { key in
        try entry.value.withUnsafeBytes { try builder.add(key: key, trailer: entry.trailer, value: $0) }
      }
    }
    let properties = try builder.finish()
    return (file.bytes, properties)
  }

  @Test(arguments: 0...7 as ClosedRange<UInt64>, Help.allCases)
  func whoCompressesMakesNoDifference(seed: UInt64, help: Help) throws {
    let model = Self.model(seed: seed)
    let options = SegmentOptions(
      compressionLevel: seed < 4 ? 1 : -1, dictionaryBytes: seed % 2 == 0 ? 4096 : 0)
    let helper = help.makeHelper()
    defer { helper.stop() }
    let (helped, properties) = try Self.write(model, options, helper)
    let (alone, expected) = try Self.write(model, options, nil)
    #expect(helped == alone, "seed \(seed), \(help)")
    #expect(properties == expected)
    let reader = try SegmentReader(helped)
    #expect(try reader.allEntries() == model.entries, "seed \(seed), \(help)")
  }

  /// Where a run is cut does not depend on it either.
  @Test(arguments: 0...3 as ClosedRange<UInt64>) func norDoesWhereSegmentsEnd(seed: UInt64) throws {
    let model = Self.model(seed: seed)
    let files = try Help.allCases.map { help in
      let disk = SimulatedFileSystem()
      let helper = help.makeHelper()
      defer { helper.stop() }
      let number = Mutex<UInt64>(0)
      var output = SegmentOutput(
        directory: StoreDirectory(path: "/", fileSystem: disk), random: SeededRandomSource(seed: 1),
        segmentOptions: SegmentOptions(compressionLevel: 1), targetBytes: 300 << 10,
        allocateFileNumber: {
          number.withLock { number in
            number += 1
            return number
          }
        })
      output.helper = helper
      let writer = SortedRunWriter(output, removals: [])
      for entry in model.entries {
        try entry.key.withUnsafeBytes { key in
          try entry.value.withUnsafeBytes { try writer.add(key: key, trailer: entry.trailer, value: $0) }
        }
      }
      return try writer.finish().segments
    }
    #expect(files[0].count > 1)
    #expect(files.allSatisfy { $0 == files[0] }, "seed \(seed)")
  }

  /// A dictionary that gains next to nothing is not worth the time that it costs.
  @Test func aDictionaryHasToGain() throws {
    var random = SeededGenerator(seed: 1)
    let model = SegmentModel(
      entries: (0..<6000).map { number in
        let half = random.bytes(60)
        return ModelEntry(
          key: [UInt8(number >> 8), UInt8(number & 255)], trailer: EntryTrailer(sequence: 1, kind: .value),
          value: half + half)
      })
    let with = try Self.write(model, SegmentOptions(compressionLevel: 1, dictionaryBytes: 4096), nil).bytes
    let without = try Self.write(model, SegmentOptions(compressionLevel: 1, dictionaryBytes: 0), nil).bytes
    #expect(with == without)
  }

  /// Several segments at once, from several threads, with one helper.
  @Test func oneHelperForAll() throws {
    let helper = CompressionThread(scheduler: ThreadScheduler())
    let expected = try (0..<4).map { try Self.write(Self.model(seed: $0), Self.plain, nil).bytes }
    let wrong = Shared<Int>()
    onThreads(4) { index in
      for _ in 0..<2 {
        let bytes = try? Self.write(Self.model(seed: UInt64(index)), Self.plain, helper).bytes
        if bytes != expected[index] { wrong.add(index) }
      }
    }
    helper.stop()
    #expect(wrong.all == [])
  }

  private static let plain = SegmentOptions(compressionLevel: 1)
}
