import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct LogFilesTests {
  private let disk = SimulatedFileSystem()
  private let directory: StoreDirectory
  private let logs: LogFiles
  private let buffer = FrameBuffer()

  init() {
    directory = StoreDirectory(path: "/", fileSystem: disk)
    logs = LogFiles(
      directory: directory, random: SeededRandomSource(seed: 3), firstLogBytes: 256 << 10,
      greatestLogBytes: 64 << 20,
      reclaimer: FileReclaimer(directory: directory, queue: InlineScheduler().makeQueue(label: "")))
  }

  private func append(_ text: String, sequence: UInt64, to writer: FrameWriter) throws {
    buffer.removeAll()
    [UInt8](text.utf8).withUnsafeBytes { buffer.append($0) }
    try writer.append(.group, firstSequence: sequence, batchCount: 1)
    try writer.synchronize()
  }

  private func content(of log: UInt64) throws -> [String] {
    let reader = try FrameReader(try directory.open(.log(log), .read), purpose: .log)
    var result: [String] = []
    while let frame = try reader.next() { result.append(String(decoding: frame.payload, as: UTF8.self)) }
    return result
  }

  /// A recycled file holds, behind its new frames, old ones in the right places: none of them is read, and
  /// none of them vouches for anything.
  @Test func theFramesOfAFormerLogAreNeverRead() throws {
    let former = try logs.createLog(number: 1, predecessor: nil, buffer: buffer)
    for number in 1...20 as ClosedRange<UInt64> { try append("old \(number)", sequence: number, to: former) }
    #expect(try content(of: 1).count == 20)
    try logs.retire(log: 1)
    #expect(logs.hasSpare)
    #expect(try directory.entries() == [.spare(1)])

    let recycled = try logs.createLog(number: 2, predecessor: nil, buffer: buffer)
    #expect(try directory.entries() == [.log(2)])
    #expect(recycled.capacity == 256 << 10)
    #expect(try content(of: 2) == [])
    for number in 1...5 as ClosedRange<UInt64> {
      try append("new \(number)", sequence: number, to: recycled)
      #expect(try content(of: 2) == (1...number).map { "new \($0)" })
    }
    // The last frame torn: dropped, and the former log's frame behind it does not convict it.
    let last = try directory.open(.log(2), .readWrite)
    let payload = recycled.end.offset - UInt64(FrameFile.cellBytes)
    try last.writeBytes([0, 0, 0], at: payload)
    #expect(try content(of: 2) == (1...4).map { "new \($0)" })
  }

  @Test func theLargestSparesAreKept() throws {
    try logs.prepareSpare(number: 1, bytes: 1 << 20)
    try logs.prepareSpare(number: 2, bytes: 1 << 18)
    #expect(try directory.entries() == [.spare(1)])
    try logs.prepareSpare(number: 3, bytes: 1 << 21)
    #expect(try directory.entries() == [.spare(3)])
    let log = try logs.createLog(number: 4, predecessor: nil, buffer: buffer)
    #expect(log.capacity == 1 << 21)
    let next = try logs.createLog(number: 5, predecessor: log.end, buffer: buffer)
    #expect(next.capacity == 256 << 10)
    #expect(try directory.entries() == [.log(4), .log(5)])
    try logs.retire(log: 4)
    try logs.retire(log: 5)
    try logs.retire(log: 6)
    #expect(try directory.entries() == [.spare(4)])
    // A second one like it is kept: two logs may be let go of at a time. Of a third the smallest goes.
    try logs.prepareSpare(number: 7, bytes: (1 << 21) + 4096)
    #expect(try directory.entries() == [.spare(4), .spare(7)])
    try logs.prepareSpare(number: 8, bytes: (1 << 21) + 8192)
    #expect(try directory.entries() == [.spare(7), .spare(8)])
  }

  @Test func aLogThatCannotBeMadeLeavesNothing() throws {
    for operation in [FaultPlan.Operation.create, .write, .synchronize, .rename] {
      disk.setFaultPlan(FaultPlan([.init(operation, cause: .noSpace)]))
      #expect(throws: StorageError.self) {
        _ = try logs.createLog(number: 9, predecessor: nil, buffer: buffer)
      }
      #expect(try directory.entries() == [], "\(operation)")
      disk.setFaultPlan(FaultPlan([.init(operation, cause: .noSpace)]))
      if operation != .rename {
        #expect(throws: StorageError.self) { try logs.prepareSpare(number: 9, bytes: 4096) }
        #expect(try directory.entries() == [], "\(operation)")
      }
    }
  }
}
