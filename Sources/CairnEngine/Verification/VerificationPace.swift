/// Keeps reading to a number of bytes a second, by pauses.
///
/// What is read is a debt of time, and pauses pay it back. The time that reading itself takes is not
/// counted: on a slow disk the pace is lower than asked for, never higher. Used by one thread.
final class VerificationPace {
  private let bytesPerSecond: UInt64
  private let pause: any Pause
  private var debtNanoseconds: UInt64 = 0

  /// Shorter pauses cost more in wake-ups than they spare anybody.
  private static let leastPauseNanoseconds: UInt64 = 10_000_000
  /// And a cancellation that a pause misses is noticed after this.
  private static let greatestPauseNanoseconds: UInt64 = 1_000_000_000

  init(bytesPerSecond: UInt64, pause: any Pause) {
    self.bytesPerSecond = max(1, bytesPerSecond)
    self.pause = pause
  }

  /// Waits until so many bytes more may have been read.
  func spend(_ bytes: UInt64, unless isCancelled: () -> Bool) {
    let (product, overflow) = bytes.multipliedReportingOverflow(by: 1_000_000_000)
    let cost = overflow ? UInt64(Int64.max) : product / bytesPerSecond
    debtNanoseconds = min(debtNanoseconds, UInt64(Int64.max)) + min(cost, UInt64(Int64.max))
    while debtNanoseconds >= Self.leastPauseNanoseconds, !isCancelled() {
      let waited = pause.wait(atMostNanoseconds: min(debtNanoseconds, Self.greatestPauseNanoseconds))
      debtNanoseconds -= min(waited, debtNanoseconds)
    }
  }
}
