import Foundation
import Synchronization

/// Counts the calls of one kind, and ends the process at one of them.
final class KillSwitch: Sendable {
  /// What the caller is to do with the call that it is about to make.
  enum Order: Equatable {
    case make
    /// Kill before it is made, after it, or after so many of its bytes.
    case kill(KillPoint.Moment)
  }

  let point: KillPoint
  private let calls = Atomic<UInt64>(0)

  /// How many calls of the kind there were so far.
  var count: UInt64 { calls.load(ordering: .relaxed) }

  init(_ point: KillPoint) { self.point = point }

  /// Counts a call that is about to be made.
  func order(for call: FileCall) -> Order {
    guard call == point.call else { return .make }
    return calls.add(1, ordering: .relaxed).newValue == point.number ? .kill(point.moment) : .make
  }

  /// Kills this process as nothing but the system can: no handler runs, and no buffer is written.
  static func killThisProcess() -> Never {
    kill(getpid(), SIGKILL)
    // The signal ends every thread before it runs on; should one be scheduled still, it must make no other call.
    while true { _ = pause() }
  }
}
