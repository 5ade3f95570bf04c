/// Where the time comes from: handed in, so that a test or a simulation decides what time it is.
public protocol TimeSource: Sendable {
  /// Wall-clock time in microseconds since 1970-01-01 00:00 UTC. It may jump either way.
  func wallMicroseconds() -> Int64
  /// Nanoseconds from an arbitrary start that only grow, while the machine is up.
  func monotonicNanoseconds() -> UInt64
}
