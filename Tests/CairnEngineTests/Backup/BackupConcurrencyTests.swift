// Real files, real threads: 32 of them write while backups are taken, of which some are cut short.

import CairnKV
import CairnTesting
import Foundation
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct BackupConcurrencyTests {
  private static let writers = 32
  private static let backups = 50
  private static let commitsPerBackup = 200

  /// Each lane counts, and one commit sets the lane's count and a value that belongs to it.
  private static func key(_ lane: Int, _ what: UInt8) -> [UInt8] { [what, UInt8(lane)] }

  private static func encoded(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt64(number))
    return bytes
  }

  private static func value(_ lane: Int, _ number: Int) -> [UInt8] {
    encoded(number) + [UInt8](repeating: UInt8((lane &+ number) & 0xFF), count: number % 16 == 0 ? 3000 : 40)
  }

  @Test func aBackupHoldsWhatWasAcknowledgedBefore() throws {
    let folder = try TemporaryTree()
    defer { folder.remove() }
    var options = NumberedCommits.options
    options.memtableBytes = 256 << 10
    let breaking = BreakingFileSystem()
    var environment = Environment.system
    environment.fileSystem = breaking
    let engine = try Engine.open(at: folder.path + "/store", options: options, environment: environment)
    let acknowledged = (0..<Self.writers).map { _ in Counter() }
    let isDone = Atomic(false)
    // Commits that may be made still: enough for all threads to be writing while a backup is taken, and no more, since
    // all of them are looked at.
    let allowed = DispatchSemaphore(value: 0)
    let group = DispatchGroup()
    let failures = Mutex<[String]>([])
    for lane in 0..<Self.writers {
      let thread = Thread {
        defer { group.leave() }
        var number = 1
        while true {
          allowed.wait()
          if isDone.load(ordering: .relaxed) { return }
          do {
            try engine.write { batch in
              try batch.set(Self.key(lane, 1), to: Self.encoded(number))
              try batch.set(Self.key(lane, 2), to: Self.value(lane, number))
              try batch.set(CommitOrderedBytes(prefix: [3, UInt8(lane)]), to: CommitOrderedBytes([]))
            }
          } catch {
            failures.withLock { $0.append("\(error)") }
            return
          }
          acknowledged[lane].value.store(number, ordering: .releasing)
          number += 1
        }
      }
      group.enter()
      thread.start()
    }
    var finished = 0
    for round in 0..<Self.backups {
      // A new directory now and then; otherwise the one before is brought up to date.
      let path = folder.path + "/backup-\(round / 5)"
      let before = acknowledged.map { $0.value.load(ordering: .acquiring) }
      for _ in 0..<Self.commitsPerBackup { allowed.signal() }
      if round % 3 == 2 { breaking.breakAfter(operations: 3 + round % 17, in: path) }
      var isFinished = false
      do {
        try engine.backup(to: path)
        isFinished = true
        finished += 1
      } catch {
        #expect(error.code == .inputOutput)
      }
      breaking.mend()
      if isFinished {
        try check(path, before, options, "round \(round)", copyingTo: folder.path + "/copy-\(round)")
      } else if round % 5 == 2 {
        // The earlier one is there still.
        try check(path, nil, options, "round \(round)", copyingTo: folder.path + "/copy-\(round)")
      }
    }
    isDone.store(true, ordering: .relaxed)
    for _ in 0..<Self.writers { allowed.signal() }
    group.wait()
    #expect(failures.withLock { $0 } == [])
    #expect(finished > Self.backups / 2)
    #expect(try engine.verify().isSound)
    try engine.close()
  }

  private func check(
    _ path: String, _ before: [Int]?, _ options: EngineOptions, _ comment: String, copyingTo copy: String
  ) throws {
    let report = try Engine.verify(at: path)
    #expect(report.isSound, "\(comment): \(report.violations)")
    // Opened for writing it would be a backup no more.
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let engine = try Engine.open(at: copy, options: options)
    try engine.read { reader in
      var positions: [UInt64] = []
      for lane in 0..<Self.writers {
        let number = try reader.get(Self.key(lane, 1))?.withUnsafeBytes {
          Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)))
        }
        if let before { #expect((number ?? 0) >= before[lane], "\(comment), lane \(lane)") }
        if let number { #expect(try reader.get(Self.key(lane, 2)) == Self.value(lane, number), "\(comment)") }
        // One entry a commit, in the order of the commits.
        let entries = try reader.entries(in: .prefix([3, UInt8(lane)]))
        #expect(entries.count == number ?? 0, "\(comment), lane \(lane)")
        positions += entries.map { $0.key.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } }
      }
      // No commit is missing between others: each takes three numbers.
      positions.sort()
      #expect(positions == positions.indices.map { UInt64($0) * 3 + 1 }, "\(comment)")
    }
    try engine.close()
    try FileManager.default.removeItem(atPath: copy)
  }

  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }
}

/// A directory with what is in it, of any depth.
private struct TemporaryTree {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "cairn-backup-\(UUID().uuidString)").path(
      percentEncoded: false)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The system's files, of which everything below one path fails from some operation on, as for a process that is gone.
private final class BreakingFileSystem: ForwardingFileSystem {
  let base: any FileSystem = POSIXFileSystem()
  private let plan = Mutex<(path: String, operations: Int)?>(nil)

  func breakAfter(operations: Int, in path: String) { plan.withLock { $0 = (path, operations) } }
  func mend() { plan.withLock { $0 = nil } }

  func check(_ path: String) throws(StorageError) {
    let fails = plan.withLock { plan -> Bool in
      guard let now = plan, path.hasPrefix(now.path) else { return false }
      plan?.operations -= 1
      return now.operations <= 0
    }
    if fails { throw StorageError(.inputOutput, "broken off", file: path) }
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    try check(path)
    return try base.openFile(path, mode)
  }
  func rename(_ source: String, to destination: String) throws(StorageError) {
    try check(destination)
    try base.rename(source, to: destination)
  }
  func link(_ source: String, to destination: String) throws(StorageError) {
    try check(destination)
    try base.link(source, to: destination)
  }
  func remove(_ path: String) throws(StorageError) {
    try check(path)
    try base.remove(path)
  }
  func synchronizeDirectory(_ path: String) throws(StorageError) {
    try check(path)
    try base.synchronizeDirectory(path)
  }
}
