// A disk that is really full: nothing is lost, reads go on, and space comes back without opening anew.

import CairnKV
import CairnTesting
import Foundation
import Testing

@testable import CairnEngine

@Suite(.serialized, .enabled(if: LoopFileSystem.absence == nil, "\(LoopFileSystem.absence ?? "")"))
struct RealFullDiskTests {
  private static func key(_ number: Int) -> [UInt8] { Tuple([.integer(Int64(number))]).encoded() }

  /// Nothing that could be compressed.
  private static let noise: [UInt8] = {
    var random = SeededGenerator(seed: 1)
    return (0..<16_384).map { _ in UInt8.random(in: 0...255, using: &random) }
  }()

  private static func value(_ number: Int) -> [UInt8] {
    let offset = number % 4096
    return Array(noise[offset..<(offset + 12_000)])
  }

  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 1 << 20
    return options
  }

  /// Writes until there is no more room.
  /// - Returns: how many were acknowledged in all.
  private func fill(_ engine: Engine, from count: Int) throws -> (count: Int, refusal: StorageError) {
    var count = count
    // More than any of these disks holds.
    for _ in 0..<100_000 {
      do throws(any Error) {
        try engine.write { try $0.set(Self.key(count), to: Self.value(count)) }
        count += 1
      } catch {
        return (count, try #require(error as? StorageError))
      }
    }
    throw StorageError(.internalInconsistency, "the disk is never full")
  }

  private func expect(_ range: Range<Int>, in reader: any KeyValueReader) throws {
    var next = range.lowerBound
    try reader.scan(.all, .ascending, limit: nil) { entry in
      guard next < range.upperBound, entry.key == Self.key(next), entry.value == Self.value(next) else {
        return .stop
      }
      next += 1
      return .proceed
    }
    #expect(next == range.upperBound)
    #expect(try reader.entries(in: .all).count == range.count)
  }

  @Test func spaceComesBackWithoutOpeningAnew() async throws {
    let disk = try LoopFileSystem(megabytes: 32)
    let engine = try await Engine.open(at: disk.path + "/store", options: Self.options)
    let events = engine.events
    let (count, refusal) = try fill(engine, from: 0)
    #expect(refusal.code == .full && count > 500)
    // Refused before a byte was written: the log has not grown by what failed.
    let logBytes = engine.statistics().logBytes
    for _ in 0..<3 {
      #expect { try engine.write { try $0.set([1], to: Self.value(1)) } } throws: {
        ($0 as? StorageError)?.code == .full
      }
    }
    #expect(engine.statistics().logBytes == logBytes)
    try engine.read { try expect(0..<count, in: $0) }
    // Nor is there room for a backup by copies, which leaves no harm.
    var copies = BackupOptions()
    copies.copiesEverything = true
    do {
      try await engine.backup(to: disk.path + "/backup", options: copies)
      Issue.record("there was room for a copy")
    } catch { #expect(error.code == .full) }
    try FileManager.default.removeItem(atPath: disk.path + "/backup")
    // Others can read it, which takes no room.
    let reader = try await ReadOnlyEngine.open(at: disk.path + "/store", options: Self.options)
    #expect(try reader.read { try $0.get(Self.key(count / 2)) } == Self.value(count / 2))
    reader.close()
    // Removals are taken, and give the space back.
    let kept = count - 20
    try await engine.write { try $0.remove(KeyRange(from: Self.key(0), to: Self.key(kept))) }
    try await engine.flush()
    var regained: UInt64 = 0
    for await event in events {
      if case .filesRemoved(let files) = event { regained += files.bytes }
      if case .backgroundFailed(_, let error) = event { #expect(error.code == .full) }
      if regained > 8 << 20 { break }
    }
    try engine.read { try expect(kept..<count, in: $0) }
    // And writing goes on.
    let (more, again) = try fill(engine, from: count)
    #expect(more > count + 300 && again.code == .full)
    try engine.read { try expect(kept..<more, in: $0) }
    try await engine.close()
    let reopened = try await Engine.open(at: disk.path + "/store", options: Self.options)
    try reopened.read { try expect(kept..<more, in: $0) }
    #expect(try await reopened.verify().isSound)
    try await reopened.close()
  }

  /// Not a byte is free: what others write fills a disk too.
  @Test func filledToTheBrim() throws {
    let disk = try LoopFileSystem(megabytes: 32)
    let engine = try Engine.open(at: disk.path + "/store", options: Self.options)
    for number in 0..<300 { try engine.write { try $0.set(Self.key(number), to: Self.value(number)) } }
    try disk.fillToTheBrim()
    let (count, refusal) = try fill(engine, from: 300)
    #expect([.full, .outcomeUnknown, .storageFailed].contains(refusal.code))
    try engine.read { try expect(0..<count, in: $0) }
    // Closing may not be able to write a seal, and says so.
    do throws(StorageError) { try engine.close() } catch {
      #expect([.full, .storageFailed, .inputOutput].contains(error.code))
    }
    let reader = try ReadOnlyEngine.open(at: disk.path + "/store", options: Self.options)
    try reader.read { try expect(0..<count, in: $0) }
    reader.close()
    // For writing it opens, with what spares there are, or says that the disk is full; in either case nothing is lost.
    do throws(StorageError) {
      let again = try Engine.open(at: disk.path + "/store", options: Self.options)
      #expect(throws: Never.self) { try again.read { try expect(0..<count, in: $0) } }
      try? again.close()
    } catch {
      #expect(error.code == .full)
    }
    try disk.removeFiller()
    let after = try Engine.open(at: disk.path + "/store", options: Self.options)
    try after.read { try expect(0..<count, in: $0) }
    try after.write { try $0.set(Self.key(count), to: Self.value(count)) }
    #expect(try after.verify().isSound)
    try after.close()
  }
}
