// Real files: readers of a store that threads are writing.

import CairnKV
import Foundation
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct LiveStoreTests {
  @Test func readersSeeOneStateAfterTheOther() throws {
    let folder = try TemporaryDirectory()
    var options = NumberedCommits.options
    options.memtableBytes = 64 << 10
    let engine = try Engine.open(at: folder["store"], options: options)
    let acknowledged = Atomic(0)
    let isDone = Atomic(false)
    let group = DispatchGroup()
    group.enter()
    let writer = Thread {
      defer { group.leave() }
      var number = 1
      while !isDone.load(ordering: .relaxed) {
        do { try NumberedCommits.write(number, to: engine) } catch {
          Issue.record("\(error)")
          return
        }
        acknowledged.store(number, ordering: .releasing)
        number += 1
      }
    }
    writer.start()
    let long = try { () throws -> ReadOnlyEngine in
      // The writer has to have begun.
      while acknowledged.load(ordering: .acquiring) == 0 { sched_yield() }
      return try ReadOnlyEngine.open(at: folder["store"], options: options)
    }()
    for round in 0..<40 {
      let before = acknowledged.load(ordering: .acquiring)
      if round % 2 == 0 { try long.refresh() }
      let store = try round % 2 == 0 ? long : ReadOnlyEngine.open(at: folder["store"], options: options)
      let seen = try store.read { try NumberedCommits.count(in: $0) }
      // The last one is known to be durable by the next.
      #expect(seen >= before - 1, "round \(round)")
      #expect(try store.condition().isLive)
      // Who asks whether a store is open does not keep anybody from opening it.
      #expect { try Engine.open(at: folder["store"]) } throws: { ($0 as? StorageError)?.code == .locked }
    }
    isDone.store(true, ordering: .relaxed)
    group.wait()
    try engine.close()
    try long.refresh()
    #expect(
      try !long.condition().isLive
        && long.read { try NumberedCommits.count(in: $0) } == acknowledged.load(ordering: .acquiring))
  }

  /// Whoever looks whether the store is locked shares the lock for a moment, which is no reason not to open it.
  @Test func lookingDoesNotKeepAnybodyOut() throws {
    let folder = try TemporaryDirectory()
    try Engine.open(at: folder["store"]).close()
    let lock = folder["store"] + "/LOCK"
    let isDone = Atomic(false)
    let group = DispatchGroup()
    for _ in 0..<2 {
      group.enter()
      Thread {
        defer { group.leave() }
        while !isDone.load(ordering: .relaxed) { _ = try? POSIXFileSystem().isLocked(lock) }
      }.start()
    }
    for _ in 0..<200 {
      let held = try POSIXFileSystem().lock(lock)
      #expect(try POSIXFileSystem().isLocked(lock))
      held.release()
    }
    isDone.store(true, ordering: .relaxed)
    group.wait()
    #expect(try !POSIXFileSystem().isLocked(lock))
    #expect(try !POSIXFileSystem().isLocked(folder["none"]))
  }
}
