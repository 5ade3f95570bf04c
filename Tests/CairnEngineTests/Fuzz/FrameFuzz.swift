import CairnKV
import FuzzKit

@testable import CairnEngine

/// The header page of a frame file.
struct HeaderPageFuzz: FuzzTarget {
  static let name = "header-page"
  static let share = 30
  private let pages: [(FrameFile.Purpose, [UInt8])]

  init() {
    pages = [
      (
        .log,
        FrameFileHeader(
          purpose: .log, number: 2, salt: 0x1122_3344_5566_7788,
          predecessor: .init(number: 1, offset: 8192, checksum: 7)
        ).encoded()
      ), (.log, FrameFileHeader(purpose: .log, number: 1, salt: 3, predecessor: nil).encoded()),
      (
        .manifest,
        FrameFileHeader(purpose: .manifest, number: 9, salt: 5, predecessor: nil, formatVersion: 2).encoded()
      ),
    ]
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var (purpose, page) = pages[random.below(pages.count)]
    if random.chance(1, in: 16) {
      Mutation.change(&page, using: &random)
    } else {
      var beginning = Array(page[..<64])
      Mutation.change(&beginning, keepingLength: true, using: &random)
      page.replaceSubrange(..<64, with: beginning)
    }
    if page.count == FrameFile.pageBytes, !random.chance(1, in: 16) {
      page.overwrite(at: 4092, littleEndian: page[..<4092].withUnsafeBytes { CRC32C.checksum($0) })
    }
    do {
      let header = try withBytes(of: page) { (bytes) throws(StorageError) in
        try FrameFileHeader(decoding: bytes, file: "a", purpose: purpose)
      }
      let again = try withBytes(of: header.encoded()) { (bytes) throws(StorageError) in
        try FrameFileHeader(decoding: bytes, file: "a", purpose: purpose)
      }
      try demand(header == again, "\(header) is read as \(again)")
      try demand(
        header.purpose == purpose && purpose.formatVersions.contains(header.formatVersion), "\(header)")
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a")
    }
  }
}

/// A log: its frames, the verdict, its batches in a memtable; and the same as a repair reads it.
struct LogFuzz: FuzzTarget {
  static let name = "log"
  static let share = 60
  private let seeds: [FrameFileImage]

  init() throws {
    seeds = try LogSeeds.logs().map { FrameFileImage($0) }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var image = seeds[random.below(seeds.count)]
    let other = seeds[random.below(seeds.count)]
    for _ in 0...random.below(3) { image.change(with: other, using: &random) }
    var bytes = image.encoded(isSigned: !random.chance(1, in: 32))
    if random.chance(1, in: 8) { bytes.removeLast(random.below(bytes.count + 1)) }
    var end: FrameFileHeader.End?
    if random.chance(1, in: 4), bytes.count >= FrameFile.pageBytes {
      // A successor that may be right.
      end = .init(
        number: bytes.fuzzNumber(at: 16),
        offset: random.chance(1, in: 2)
          ? UInt64(4096 + 64 * random.below(100)) : Mutation.edge(near: bytes.count, using: &random),
        checksum: image.frames.any(using: &random)?.head.fuzzNumber(at: 4) ?? 0)
    }
    try salvage(bytes, end)
    return try replay(bytes, end)
  }

  private func replay(_ bytes: [UInt8], _ end: FrameFileHeader.End?) throws -> FuzzOutcome {
    let file = MemoryFile(bytes, path: "a.log")
    do {
      let reader = try FrameReader(file, purpose: .log, end: end)
      let memtable = Memtable(oldestLog: 1, firstChunkBytes: 4096)
      var last: UInt64 = 0
      var next: UInt64?
      var steps = 0
      var isWhole = true
      while let frame = try reader.next() {
        steps += 1
        try demand(steps <= bytes.count / 64, "more frames than the file has room for")
        try demand(
          frame.end == reader.position.offset && frame.header.firstSequence >= last, "\(frame.header)")
        try demand(UInt64(frame.payload.count) <= UInt64(bytes.count), "a payload longer than the file")
        last = frame.header.firstSequence
        guard frame.header.kind == .group || frame.header.kind == .carried else { continue }
        // As a recovery does: else an entry could be there twice.
        guard next.map({ $0 == last }) ?? true else {
          isWhole = false
          break
        }
        let count = BatchGroup.replay(
          frame.payload, batchCount: frame.header.batchCount, firstSequence: last, to: memtable)
        guard let count else {
          isWhole = false
          break
        }
        next = last + count
        try demand(
          count > 0 && last + count <= EntryTrailer.firstOwnSequence, "\(count) operations from \(last) on")
      }
      try demand(reader.durableEnd.offset <= reader.position.offset || !isWhole, "durable past the end")
      try MemtableCheck.demandOrder(memtable)
      return isWhole ? .accepted : .rejected
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a.log")
    }
  }

  private func salvage(_ bytes: [UInt8], _ end: FrameFileHeader.End?) throws {
    do {
      let reader = try SalvageFrameReader(MemoryFile(bytes, path: "a.log"), end: end)
      var steps = 0
      while let finding = try reader.next() {
        steps += 1
        try demand(steps <= bytes.count / 32, "more findings than the file has room for")
        if case .frame(let frame) = finding {
          try demand(frame.payload.count <= bytes.count, "a payload longer than the file")
        }
      }
    } catch let error as StorageError {
      _ = try demandRefusal(error, naming: "a.log")
    }
  }
}

/// The batches of a frame.
struct BatchFuzz: FuzzTarget {
  static let name = "batches"
  static let share = 70
  private let seeds: [(payload: [UInt8], batchCount: UInt32)]

  init() throws {
    seeds = try LogSeeds.logs().flatMap { bytes in
      FrameFileImage(bytes).frames.filter { !$0.payload.isEmpty }.map {
        ($0.payload, $0.head.fuzzNumber(at: 56))
      }
    }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var (payload, batchCount) = seeds[random.below(seeds.count)]
    Mutation.change(&payload, with: seeds[random.below(seeds.count)].payload, using: &random)
    // Lengths that fit again, as a writer would give them.
    if batchCount == 1, payload.count >= BatchGroup.headerBytes, random.chance(3, in: 4) {
      payload.overwrite(at: 4, littleEndian: UInt64(payload.count - BatchGroup.headerBytes))
    }
    if random.chance(1, in: 16) { batchCount = UInt32(truncatingIfNeeded: random.below(4)) }
    let first =
      random.chance(7, in: 8) ? UInt64(1 + random.below(100)) : Mutation.edge(near: 1 << 55, using: &random)
    let memtable = Memtable(oldestLog: 1, firstChunkBytes: 4096)
    let count = payload.withUnsafeBytes {
      BatchGroup.replay($0, batchCount: batchCount, firstSequence: first, to: memtable)
    }
    guard let count else { return .rejected }
    try demand(first + count <= EntryTrailer.firstOwnSequence, "\(count) operations from \(first) on")
    try demand(memtable.newestSequence < first + max(count, 1), "an entry is newer than its batch")
    try MemtableCheck.demandOrder(memtable)
    return .accepted
  }
}

enum MemtableCheck {
  /// Checks that what a log has put into a memtable comes out in order.
  static func demandOrder(_ memtable: Memtable) throws(FuzzFinding) {
    do throws(StorageError) {
      let cursor = memtable.makeCursor()
      var last: ModelEntry?
      var count = 0
      try cursor.seekToFirst()
      while let entry = cursor.current {
        if let last {
          guard ModelEntry.precedes(last, entry) else { throw StorageError(.corruption, "out of order") }
        }
        count += 1
        last = entry
        try cursor.next()
      }
      guard count == memtable.entryCount else { throw StorageError(.corruption, "entries are lost") }
    } catch {
      throw FuzzFinding("\(error)")
    }
  }
}

enum LogSeeds {
  /// Logs with every kind of operation: one of several batches, those of the handmade store, a carried frame, an ingest's.
  static func logs() throws -> [[UInt8]] {
    let store = try HandmadeStore().allFiles()
    var result = ["00000008.log", "00000009.log"].compactMap { store[$0] }
    let file = MemoryFile()
    let buffer = FrameBuffer()
    let header = FrameFileHeader(
      purpose: .log, number: 3, salt: 77, predecessor: .init(number: 2, offset: 4096, checksum: 9))
    let page = header.encoded()
    try page.withUnsafeBytes { try file.write($0, at: 0) }
    let writer = FrameWriter(
      file, header: header, headerChecksum: page.fuzzNumber(at: 4092), capacity: 0, latch: FailureLatch(),
      buffer: buffer)
    var sequence: UInt64 = 5
    for round in 0..<6 {
      buffer.removeAll()
      let batches = UInt32(1 + round % 3)
      var count: UInt64 = 0
      for number in 0..<batches {
        var batch = WriteBatch(byteLimit: 1 << 20)
        try batch.set([0x61, UInt8(number)], to: [UInt8](repeating: 7, count: 40 * round))
        if number == 1 { try batch.remove([0x61]) }
        if round > 1 { try batch.remove(KeyRange(from: [0x62], to: round == 3 ? nil : [0x63, 0])) }
        count += UInt64(batch.count)
        BatchGroup.append(batch, to: buffer)
      }
      try writer.append(
        round == 0 ? .carried : .group, firstSequence: sequence, batchCount: batches,
        synchronizing: round % 2 == 1)
      sequence += count
    }
    buffer.removeAll()
    try writer.append(.ingest, firstSequence: sequence, batchCount: 2, synchronizing: true)
    try writer.appendSeal(nextSequence: sequence + 2)
    result.append(file.bytes)
    return result
  }
}
