import Foundation
import Synchronization

/// Ends the threads of a session, and keeps the first thing that went wrong on any of them.
final class SessionControl: Sendable {
  private let stopped = Atomic<Bool>(false)
  private let failure = Mutex<(any Error)?>(nil)

  /// Whether the threads are to end.
  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  func stop() { stopped.store(true, ordering: .relaxed) }

  /// What went wrong first.
  var firstFailure: (any Error)? { failure.withLock { $0 } }

  /// Runs `work` on threads of their own, so many milliseconds long or until it ends by itself, and returns
  /// once all have ended.
  /// - Throws: what the first thread to fail threw, which ended the others.
  static func run(
    milliseconds: Int? = nil, _ work: [@Sendable (SessionControl) throws -> Void], every second: () -> Void
  ) throws {
    let control = SessionControl()
    let group = DispatchGroup()
    for job in work {
      group.enter()
      let thread = Thread {
        do {
          try job(control)
        } catch {
          control.failure.withLock { if $0 == nil { $0 = error } }
          control.stop()
        }
        group.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    let end = milliseconds.map { DispatchTime.now() + .milliseconds($0) } ?? .distantFuture
    while !control.isStopped && DispatchTime.now() < end {
      if group.wait(timeout: min(end, .now() + .seconds(1))) == .success { break }
      second()
    }
    control.stop()
    group.wait()
    if let failure = control.firstFailure { throw failure }
  }

  /// Waits so long, or until the threads are to end.
  func pause(milliseconds: Int) {
    let end = DispatchTime.now() + .milliseconds(milliseconds)
    while !isStopped && DispatchTime.now() < end { usleep(UInt32(min(milliseconds, 20)) * 1000) }
  }
}
