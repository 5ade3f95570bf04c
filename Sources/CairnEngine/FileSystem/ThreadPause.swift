/// A pause that really takes its time.
final class ThreadPause: Pause {
  private let parker = ThreadParker()

  func wait(atMostNanoseconds limit: UInt64) -> UInt64 {
    let start = ContinuousClock.now
    parker.park(atMostNanoseconds: limit)
    return UInt64(max(0, (ContinuousClock.now - start) / .nanoseconds(1)))
  }

  func end() { parker.unpark() }
}

extension BackgroundScheduler {
  /// A pause of the calling thread.
  public func makePause() -> any Pause { ThreadPause() }
}
