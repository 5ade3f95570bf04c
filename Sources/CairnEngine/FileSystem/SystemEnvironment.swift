// The real world: the operating system's files, clocks, randomness and threads.

public import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Environment {
  /// The operating system's files, clocks, randomness and threads.
  public static var system: Environment {
    Environment(
      fileSystem: POSIXFileSystem(), time: SystemTimeSource(), random: SystemRandomSource(),
      scheduler: ThreadScheduler())
  }
}

/// The system's clocks.
public struct SystemTimeSource: TimeSource {
  /// The system's clocks.
  public init() {}

  public func wallMicroseconds() -> Int64 {
    let time = read(CLOCK_REALTIME)
    return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec / 1000)
  }

  /// Time since the machine started, time asleep included: a lease must not outlive a closed lid.
  public func monotonicNanoseconds() -> UInt64 {
    #if canImport(Darwin)
      let time = read(CLOCK_MONOTONIC)
    #else
      let time = read(CLOCK_BOOTTIME)
    #endif
    return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
      &+ UInt64(truncatingIfNeeded: time.tv_nsec)
  }

  /// Fails only for a clock that the system does not have; those above are in every Linux since 2.6.39.
  private func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    return clock_gettime(clock, &time) == 0 ? time : timespec()
  }
}

/// The system's cryptographic random numbers.
public struct SystemRandomSource: RandomSource {
  /// The system's random numbers.
  public init() {}

  public func next() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
