public import CairnKV

/// Everything the engine takes from the world outside: files, time, randomness, and threads to work on.
///
/// Nothing else in the engine touches any of them, so a simulation that hands in its own decides everything
/// that happens.
public struct Environment: Sendable {
  /// The files.
  public var fileSystem: any FileSystem
  /// The time.
  public var time: any TimeSource
  /// Randomness, for salts.
  public var random: any RandomSource
  /// Where flushes and compactions run.
  public var scheduler: any BackgroundScheduler

  /// An environment from its parts.
  public init(
    fileSystem: any FileSystem, time: any TimeSource, random: any RandomSource,
    scheduler: any BackgroundScheduler
  ) {
    self.fileSystem = fileSystem
    self.time = time
    self.random = random
    self.scheduler = scheduler
  }
}

/// A source of random numbers.
public protocol RandomSource: Sendable {
  /// The next number.
  func next() -> UInt64
}

/// Runs the engine's background work.
public protocol BackgroundScheduler: Sendable {
  /// A queue whose jobs run one after the other, in order, on a thread that may block.
  func makeQueue(label: String) -> any BackgroundQueue

  /// Where one thread at a time waits for background work to come along. Where an implementation has none of its
  /// own, the thread really sleeps.
  func makePause() -> any Pause
}

/// A place where a thread waits for some time, or until somebody ends its waiting.
public protocol Pause: AnyObject, Sendable {
  /// Waits, but no longer than about so many nanoseconds.
  ///
  /// A simulation returns at once and says that the time has passed.
  /// - Returns: how long it has waited.
  func wait(atMostNanoseconds limit: UInt64) -> UInt64

  /// Ends a waiting that is under way, or else the next one, before its time. From any thread.
  func end()
}

/// A serial queue of background work.
public protocol BackgroundQueue: AnyObject, Sendable {
  /// Runs `job` after the jobs submitted before it. Never blocks on the job unless the implementation is a
  /// simulation that runs it at once.
  func submit(_ job: @escaping @Sendable () -> Void)

  /// Runs `job` as ``submit(_:)`` does, but not before so much time has passed. Stopping the queue drops it.
  func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void)

  /// Waits until every job submitted so far has run, and ends the queue. Must not be called from one of its
  /// jobs.
  func drainAndStop()
}
