// Background work on threads of the operating system: compactions block on the disk for seconds, which
// Swift's own thread pool must not.

import CairnShims
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Gives each queue a thread of its own.
public final class ThreadScheduler: BackgroundScheduler {
  /// A scheduler with no threads yet.
  public init() {}

  /// A queue with a thread of its own, named `label` as far as the system allows (15 bytes on Linux).
  ///
  /// Should the system refuse a thread, each submission asks for it again, and runs the jobs itself where it is
  /// refused. A job submitted after `drainAndStop` began is not run.
  public func makeQueue(label: String) -> any BackgroundQueue {
    ThreadQueue(label: label)
  }
}

/// A serial queue on a thread, which starts with the queue and ends with `drainAndStop` or the last
/// reference.
private final class ThreadQueue: BackgroundQueue {
  private let line: JobLine

  /// The thread, until it was joined. Held during the join, so that everyone who stops the queue waits for
  /// its end. Never taken by the thread itself.
  private let thread: Mutex<ThreadIdentifier?>

  init(label: String) {
    line = JobLine(label: label)
    thread = Mutex(line.startThread())
  }

  deinit {
    // The last reference may go in a job, on the very thread, so there is no waiting here.
    line.stop()
    thread.withLock { started in
      if let started { pthread_detach(started.value) }
    }
  }

  func submit(_ job: @escaping @Sendable () -> Void) {
    guard line.append(job) else { return }
    // Only where the system refused a thread so far; `nil` also when it was joined, but then nothing is
    // appended.
    guard line.needsThread else { return }
    let isRefused = thread.withLock { started in
      if started == nil { started = line.startThread() }
      return started == nil
    }
    // Better on this thread than never: somebody may be waiting for the job.
    if isRefused { line.runWhatThereIs() }
  }

  func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void) {
    line.append(job, after: .milliseconds(Int64(delay)))
  }

  func drainAndStop() {
    line.stop()
    thread.withLock { started in
      if let running = started {
        pthread_join(running.value, nil)
        started = nil
      }
      // Finds nothing to do, unless there was never a thread.
      line.run()
    }
  }
}

/// The jobs of a queue and the loop that runs them; shared by the queue and its thread.
private final class JobLine: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var delayed: [(due: ContinuousClock.Instant, job: @Sendable () -> Void)] = []
    var isStopping = false
    /// Whether some submitter is running a job, for want of a thread.
    var isRunInPlace = false

    /// Moves the delayed jobs that are due to the others.
    /// - Returns: how long it is until the next one, in nanoseconds; the greatest number when there is none.
    mutating func collectDue(at now: ContinuousClock.Instant) -> UInt64 {
      jobs += delayed.filter { $0.due <= now }.map(\.job)
      delayed.removeAll { $0.due <= now }
      guard let next = delayed.map(\.due).min() else { return .max }
      return UInt64(max(1, (next - now) / .nanoseconds(1)))
    }
  }

  private let label: String
  private let state = Mutex(State())
  private let parker = ThreadParker()
  private let hasThread = Atomic<Bool>(false)

  init(label: String) {
    self.label = label
  }

  var needsThread: Bool { !hasThread.load(ordering: .relaxed) }

  /// - Returns: whether the job will be run: not once the queue is stopping.
  func append(_ job: @escaping @Sendable () -> Void) -> Bool {
    let accepted = state.withLock { state in
      if !state.isStopping { state.jobs.append(job) }
      return !state.isStopping
    }
    parker.unpark()
    return accepted
  }

  /// The same for a job that is to wait. Dropped once the queue is stopping.
  func append(_ job: @escaping @Sendable () -> Void, after delay: Duration) {
    state.withLock { state in
      if !state.isStopping { state.delayed.append((ContinuousClock.now + delay, job)) }
    }
    parker.unpark()
  }

  func stop() {
    // What the delayed jobs hold on to may hold on to this queue. It goes outside the lock.
    let dropped = state.withLock { state in
      defer { state.delayed = [] }
      state.isStopping = true
      return state.delayed
    }
    withExtendedLifetime(dropped) {}
    parker.unpark()
  }

  /// For want of a thread runs the jobs that are there, and those that they submit, unless somebody does already.
  func runWhatThereIs() {
    while true {
      let job = state.withLock { state -> (@Sendable () -> Void)? in
        if state.isRunInPlace || state.jobs.isEmpty { return nil }
        state.isRunInPlace = true
        return state.jobs.removeFirst()
      }
      guard let job else { return }
      job()
      state.withLock { $0.isRunInPlace = false }
    }
  }

  /// Runs jobs, sleeping when there are none, until the queue is stopping and all are done.
  func run() {
    while true {
      let (jobs, isStopping, pause) = state.withLock { state in
        let pause = state.delayed.isEmpty ? UInt64.max : state.collectDue(at: .now)
        let jobs = state.jobs
        state.jobs = []
        return (jobs, state.isStopping, pause)
      }
      for job in jobs { job() }
      if jobs.isEmpty {
        if isStopping { return }
        parker.park(atMostNanoseconds: pause)
      }
    }
  }

  /// - Returns: `nil` when the system refuses a thread.
  func startThread() -> ThreadIdentifier? {
    let context = Unmanaged.passRetained(self)
    #if canImport(Darwin)
      var created: pthread_t?
      let result = pthread_create(&created, nil, { JobLine.enter($0) }, context.toOpaque())
      let identifier = created
    #else
      var created = pthread_t()
      let result = pthread_create(&created, nil, { $0.flatMap { JobLine.enter($0) } }, context.toOpaque())
      let identifier: pthread_t? = created
    #endif
    guard result == 0, let identifier else {
      context.release()
      return nil
    }
    hasThread.store(true, ordering: .relaxed)
    return ThreadIdentifier(value: identifier)
  }

  /// The thread's body. `context` is the reference that ``startThread()`` retained for it.
  private static func enter(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let line = Unmanaged<JobLine>.fromOpaque(context).takeRetainedValue()
    cairn_name_this_thread(line.label)
    line.run()
    return nil
  }
}

/// A thread's name for the system. An opaque value, a pointer on macOS, that may be used from any thread.
private struct ThreadIdentifier: @unchecked Sendable {
  let value: pthread_t
}
