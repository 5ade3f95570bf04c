// Damage that no crash leaves: the right data, or an error that names the file. Never wrong data, never a trap.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct DamageTests {
  private static let path = "/store"

  /// What an opening of a damaged store may come to.
  private enum Outcome: Equatable {
    case prefix(Int)
    case error(file: String)
    case wrong(String)
  }

  /// A small store in one log: durable commits, then as many buffered ones.
  private static func store(durable: Int, buffered: Int, closed: Bool) -> (SimulatedFileSystem, History) {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    var workload = Workload()
    for index in 0..<durable + buffered {
      workload.commit(
        index < durable ? .durable : .buffered,
        .set(Array("key-\(index)".utf8), [UInt8](repeating: UInt8(index), count: 90)))
    }
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: path, options: options, history: History(workload.commits))
    if !closed {
      // The last operation of the run without a close is known from a run with one.
      run.run(workload, in: .simulated(disk, seed: 1), closing: true)
      let complete = disk.trace.last { $0.contains(" write ") }.flatMap { $0.split(separator: " ").first }
      let cut = complete.flatMap { Int($0) } ?? 1
      let killed = SimulatedFileSystem(
        faultPlan: .powerCut(atOperation: cut - (buffered > 0 ? 1 : 0), seed: 0))
      var again = WorkloadRun(path: path, options: options, history: run.history)
      again.run(workload, in: .simulated(killed, seed: 1), closing: true)
      return (killed.crash(.kill, seed: 1), run.history)
    }
    run.run(workload, in: .simulated(disk, seed: 1), closing: true)
    return (disk, run.history)
  }

  private static func outcome(_ disk: SimulatedFileSystem, _ history: History) -> Outcome {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    do throws(StorageError) {
      let engine = try Engine.open(at: path, options: options, environment: .simulated(disk, seed: 9))
      let snapshot = try engine.snapshot()
      guard let prefix = history.sequences.firstIndex(of: snapshot.position.rawValue) else {
        return .wrong("ends at \(snapshot.position)")
      }
      if let complaint = try history.complaint(about: snapshot, at: prefix) { return .wrong(complaint) }
      return .prefix(prefix)
    } catch {
      guard let file = error.file, [.corruption, .unsupportedFormat].contains(error.code) else {
        return .wrong("\(error)")
      }
      return .error(file: file)
    }
  }

  private static func read(_ name: String, of disk: SimulatedFileSystem) throws -> [UInt8] {
    let file = try disk.openFile(path + "/" + name, .read)
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return bytes
  }

  /// Changes a copy of the disk.
  private static func changed(
    _ disk: SimulatedFileSystem, _ change: (SimulatedFileSystem) throws -> Void
  ) throws -> SimulatedFileSystem {
    let copy = disk.crash(.kill, seed: 0)
    try change(copy)
    return copy
  }

  private static func replace(_ name: String, with bytes: [UInt8], on disk: SimulatedFileSystem) throws {
    if try disk.information(at: path + "/" + name) != nil { try disk.remove(path + "/" + name) }
    let file = try disk.openFile(path + "/" + name, .create)
    try withBytes(of: bytes) { buffer throws(StorageError) in try file.write(buffer, at: 0) }
  }

  private static func names(_ disk: SimulatedFileSystem) throws -> [String] { try disk.list(path) }

  private static func log(_ disk: SimulatedFileSystem) throws -> String {
    try #require(try names(disk).last { $0.hasSuffix(".log") })
  }

  /// Where the frames of a file begin, and their headers.
  private static func frames(_ bytes: [UInt8]) -> [(offset: Int, header: FrameHeader)] {
    let salt = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self) }
    func header(_ offset: Int) -> FrameHeader? {
      guard offset + FrameHeader.bytes <= bytes.count else { return nil }
      return bytes[offset...].withUnsafeBytes { FrameHeader(decoding: $0, salt: salt) }
    }
    var found: [(offset: Int, header: FrameHeader)] = []
    var end = FrameFile.pageBytes
    while true {
      let places = [end, Int(FrameFile.roundedUp(UInt64(end)))]
      guard let offset = places.first(where: { header($0) != nil }), let header = header(offset),
        let next = header.end
      else { return found }
      found.append((offset, header))
      end = Int(next)
    }
  }

  /// The bytes of a frame file that mean anything: headers and payloads, but not the padding behind them.
  private static func meaningful(_ bytes: [UInt8]) -> [Int] {
    frames(bytes).reduce(into: Array(0..<FrameFile.pageBytes)) { result, frame in
      result += frame.offset..<frame.offset + FrameHeader.bytes + Int(frame.header.payloadBytes)
    }
  }

  // MARK: Flipped bits

  @Test(arguments: [true, false]) func flippedBytes(closed: Bool) throws {
    let (disk, history) = Self.store(durable: 3, buffered: closed ? 0 : 2, closed: closed)
    let intact = Self.outcome(disk.crash(.kill, seed: 0), history)
    guard case .prefix(let whole) = intact else { throw Failure(what: "\(intact)") }
    #expect(whole == (closed ? 3 : 5))
    var checked = 0
    for name in [try Self.log(disk), StoreDirectory.manifest] {
      let bytes = try Self.read(name, of: disk)
      let meaningful = Self.meaningful(bytes)
      // Headers' pages are one checksum each: a sample of the zeros in them is enough.
      for offset in meaningful where offset >= FrameFile.pageBytes || offset < 64 || offset % 97 == 0 {
        var damaged = bytes
        damaged[offset] ^= 1 << UInt8(offset % 8)
        let outcome = Self.outcome(
          try Self.changed(disk) { try Self.replace(name, with: damaged, on: $0) }, history)
        checked += 1
        switch outcome {
        case .error(let file): #expect(file.hasSuffix(name), "\(name) at \(offset): names \(file)")
        case .prefix(whole): continue
        case .prefix(let prefix):
          // Only what nothing vouches for may go: in a closed store nothing; in the killed one the buffered
          // commits, for the first of their frames says that all before it had been synchronized.
          let isPermitted = !closed && name.hasSuffix(".log") && prefix >= 3
          #expect(isPermitted, "\(name) at \(offset): \(prefix) of \(whole) commits")
        case .wrong(let what): Issue.record("\(name) at \(offset): \(what)")
        }
      }
    }
    print("damage, closed \(closed): \(checked) flipped bytes")
  }

  // MARK: Whole files

  @Test func truncation() throws {
    let (disk, history) = Self.store(durable: 4, buffered: 0, closed: true)
    for name in [try Self.log(disk), StoreDirectory.manifest] {
      let bytes = try Self.read(name, of: disk)
      let used = min(bytes.count, FrameFile.pageBytes * 7)
      let lengths = Set(stride(from: 0, to: used, by: 512)).union(
        stride(from: FrameFile.pageBytes, to: used, by: FrameFile.pageBytes).flatMap {
          [$0 - 1, $0 + 1, $0 + 64]
        })
      for length in lengths.sorted() {
        let outcome = Self.outcome(
          try Self.changed(disk) { try Self.replace(name, with: Array(bytes.prefix(length)), on: $0) },
          history)
        switch outcome {
        case .error, .prefix(4): continue
        // A log cut off at a place where it might have ended cannot be told from a shorter log: the seal
        // that would tell is cut off with it. Stated in the specification.
        case .prefix: #expect(name.hasSuffix(".log"), "\(name) cut to \(length): \(outcome)")
        case .wrong(let what): Issue.record("\(name) cut to \(length): \(what)")
        }
      }
    }
  }

  @Test func missingEmptyExchangedDuplicated() throws {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    let disk = SimulatedFileSystem()
    let workload = Workload.random(seed: 5, commits: 40, reopening: 10, largeValues: false)
    var run = WorkloadRun(path: Self.path, options: options, history: History(workload.commits))
    run.run(workload, in: .simulated(disk, seed: 1), closing: true)
    #expect(run.failure == nil)
    let names = try Self.names(disk).filter { $0 != StoreDirectory.lock }
    func check(_ what: String, _ change: (SimulatedFileSystem) throws -> Void) throws {
      switch Self.outcome(try Self.changed(disk, change), run.history) {
      case .error, .prefix(run.issued): break
      case .prefix(let prefix): Issue.record("\(what): \(prefix) of \(run.issued) commits, without a word")
      case .wrong(let complaint): Issue.record("\(what): \(complaint)")
      }
    }
    for name in names {
      let bytes = try Self.read(name, of: disk)
      try check("\(name) missing") { try $0.remove(Self.path + "/" + name) }
      try check("\(name) emptied") { try Self.replace(name, with: [], on: $0) }
      for other in names where other != name {
        let others = try Self.read(other, of: disk)
        try check("\(name) replaced by \(other)") { try Self.replace(name, with: others, on: $0) }
        try check("\(name) exchanged with \(other)") {
          try Self.replace(name, with: others, on: $0)
          try Self.replace(other, with: bytes, on: $0)
        }
      }
      for copy in ["99999999.log", "99999998.segment", "99999997.spare", "MANIFEST.new", "junk", "1.log"] {
        try check("\(name) copied to \(copy)") { try Self.replace(copy, with: bytes, on: $0) }
      }
    }
  }

  /// An older copy of the manifest is refused, or leads to the right data all the same.
  @Test func olderManifests() throws {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    let workload = Workload.random(seed: 6, commits: 60, buffered: 0, reopening: 12, largeValues: false)
    let disk = SimulatedFileSystem()
    var older: [[UInt8]] = []
    var run = WorkloadRun(path: Self.path, options: options, history: History(workload.commits))
    run.run(
      workload, in: .simulated(disk, seed: 1), closing: true,
      afterStep: {
        guard let bytes = try? Self.read(StoreDirectory.manifest, of: disk), older.last != bytes else {
          return
        }
        older.append(bytes)
      })
    #expect(run.failure == nil)
    #expect(older.count > 10)
    for (index, bytes) in older.enumerated() {
      let outcome = Self.outcome(
        try Self.changed(disk) { try Self.replace(StoreDirectory.manifest, with: bytes, on: $0) }, run.history
      )
      switch outcome {
      case .error, .prefix(run.issued): continue
      default: Issue.record("manifest \(index) of \(older.count): \(outcome)")
      }
    }
  }

  // MARK: Forgeries with valid checksums

  @Test func hostileFrames() throws {
    let (disk, _) = Self.store(durable: 3, buffered: 0, closed: true)
    let changes: [(String, (inout FrameHeader) -> Void)] = [
      ("absurd length", { $0.payloadBytes = .max }),
      ("length past the file", { $0.payloadBytes = 1 << 40 }),
      ("length of 2 GiB", { $0.payloadBytes = 1 << 31 }),
      ("too many batches", { $0.batchCount = .max }),
      ("no batch", { $0.batchCount = 0 }),
      ("two batches", { $0.batchCount = 2 }),
      ("another offset", { $0.offset += 4096 }),
      ("an absurd offset", { $0.offset = .max }),
      ("a sequence that goes back", { $0.firstSequence = 1 }),
      ("a sequence that leaps", { $0.firstSequence += 1 }),
      ("sequence zero", { $0.firstSequence = 0 }),
      ("the greatest sequence", { $0.firstSequence = EntryTrailer.greatestSequence }),
      ("an own sequence", { $0.firstSequence = EntryTrailer.firstOwnSequence }),
      ("one past", { $0.firstSequence = EntryTrailer.firstOwnSequence + 1 }),
      ("sequence overflow", { $0.firstSequence = .max }),
      ("a mark past itself", { $0.durableThrough = $0.offset + 4096 }),
      ("an absurd mark", { $0.durableThrough = .max }),
      ("another predecessor", { $0.previousChecksum ^= 1 }),
      ("a manifest's edit", { $0.kind = .edit }),
      ("a seal with a payload", { $0.kind = .seal }),
    ]
    for (what, change) in changes {
      let log = try Self.log(disk)
      for (name, position) in [(log, 0), (log, 1), (StoreDirectory.manifest, 0)] {
        let original = try Self.read(name, of: disk)
        let forged = try Self.forge(original, frame: position, change)
        if forged == original { continue }
        let damaged = try Self.changed(disk) { try Self.replace(name, with: forged, on: $0) }
        do {
          let engine = try Engine.open(at: Self.path, environment: .simulated(damaged, seed: 1))
          // Nothing that only the manifest's reader looks at may break a later commit either.
          _ = try engine.read { try $0.entries(in: .all) }
          _ = try engine.write { try $0.set([1], to: [1]) }
          try engine.close()
          #expect(name == StoreDirectory.manifest, "\(name), \(what): accepted")
        } catch let error as StorageError {
          #expect(error.code == .corruption && error.file != nil, "\(name), \(what): \(error)")
        }
      }
    }
  }

  @Test func hostileEdits() throws {
    let (disk, _) = Self.store(durable: 3, buffered: 0, closed: true)
    let changes: [(String, (inout VersionEdit) -> Void)] = [
      ("the greatest file number", { $0.nextFileNumber = .max }),
      ("a great file number", { $0.nextFileNumber = .max / 2 + 1 }),
      ("the greatest sequence", { $0.lastSequence = .max }),
      ("past the last sequence", { $0.lastSequence = EntryTrailer.firstOwnSequence }),
      ("log zero", { $0.addedLogs = [0] }),
      ("logs out of order", { $0.addedLogs += [1] }),
      ("the greatest log", { $0.addedLogs = [.max] }),
      ("many logs", { $0.addedLogs += (100...5000).map { UInt64($0) } }),
      ("no log", { $0.addedLogs = [] }),
      ("an absent segment removed", { $0.removedSegments = [77] }),
      ("all logs removed", { $0.oldestLog = .max }),
    ]
    for (what, change) in changes {
      let bytes = try Self.read(StoreDirectory.manifest, of: disk)
      let forged = try Self.forge(bytes, edit: change)
      let damaged = try Self.changed(disk) { try Self.replace(StoreDirectory.manifest, with: forged, on: $0) }
      do {
        let engine = try Engine.open(at: Self.path, environment: .simulated(damaged, seed: 1))
        _ = try engine.write { try $0.set([1], to: [1]) }
        try engine.close()
        Issue.record("\(what): accepted")
      } catch let error as StorageError {
        #expect(error.code == .corruption && error.file != nil, "\(what): \(error)")
      }
    }
  }

  // MARK: Forging

  private struct Failure: Error { var what: String }

  private static func forge(
    _ bytes: [UInt8], frame index: Int, _ change: (inout FrameHeader) -> Void
  ) throws -> [UInt8] {
    var result = bytes
    let frame = try #require(frames(bytes).dropFirst(index).first)
    let offset = frame.offset
    var header = frame.header
    change(&header)
    result.replaceSubrange(offset..<offset + FrameHeader.bytes, with: header.encoded())
    return result
  }

  /// The manifest's first edit changed, the rest cut off.
  private static func forge(_ bytes: [UInt8], edit change: (inout VersionEdit) -> Void) throws -> [UInt8] {
    let salt = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self) }
    let start = FrameFile.pageBytes
    var header = try #require(bytes[start...].withUnsafeBytes { FrameHeader(decoding: $0, salt: salt) })
    let payload = bytes[(start + FrameHeader.bytes)...].prefix(Int(header.payloadBytes))
    var edit = try #require(payload.withUnsafeBytes { VersionEdit(decoding: $0) })
    change(&edit)
    let encoded = edit.encoded()
    header.payloadBytes = UInt64(encoded.count)
    header.payloadChecksum = encoded.withUnsafeBytes { CRC32C.checksum($0) }
    return bytes.prefix(start) + header.encoded() + encoded
  }
}
