import CairnKV
import Synchronization

/// Group commit by leader and followers.
///
/// Whoever arrives when nobody leads becomes the leader: it takes all that waits as one group, has it
/// written and synced in one go, lets go of the lead, and wakes one of those who arrived meanwhile to take it. A
/// lone committer so pays for no thread switch and no timer, and under load every sync carries whatever came
/// during the one before.
///
/// The lead is not handed to the one who is woken: until it runs, somebody who runs already, such as the
/// former leader with its next commit, may take it, and what waits with it. Else the disk would stand idle for as
/// long as it takes to wake a thread.
///
/// A task must not block a thread of the cooperative pool, so a task never leads: it waits on a
/// continuation, and a background thread leads for it.
///
/// (The alternative, a thread of its own that does all commits, costs a lone committer two thread switches,
/// 4 to 6 µs.)
final class CommitPipeline: Sendable {
  private struct State {
    var waiting: [CommitRequest] = []
    var isLed = false
    var isClosed = false
    /// Whether a look at whether the pipeline is idle is due some time.
    var watchesForIdleness = false
    /// The same for a look at whether it has been quiet for long.
    var watchesForQuiet = false
    var groupsLed: UInt64 = 0

    /// How much of what waits makes a group.
    var groupSize: (count: Int, bytes: Int) {
      var bytes = 0
      var count = 0
      for request in waiting {
        let fits = bytes + request.bytes <= CommitPipeline.greatestGroupBytes && !request.goesAlone
        if count > 0 && !fits { break }
        bytes += request.bytes
        count += 1
        if request.goesAlone { break }
      }
      return (count, bytes)
    }

    mutating func takeGroup() -> [CommitRequest] {
      let count = groupSize.count
      let group = Array(waiting.prefix(count))
      waiting.removeFirst(count)
      groupsLed += 1
      return group
    }
  }

  private let state = Mutex(State())
  private let writer: CommitWriter
  private let leaderQueue: any BackgroundQueue

  /// A group takes no further request once it has this many bytes: its latency would suffer more than its
  /// throughput gains.
  private static let greatestGroupBytes = 4 << 20
  /// After so long without a commit, at most twice that, the newest frame is vouched for by a seal.
  private static let idleMilliseconds: UInt32 = 500
  /// After so much longer, the store gives back what it does not need.
  private static let quietMilliseconds: UInt32 = 10_000

  init(writer: CommitWriter, leaderQueue: any BackgroundQueue) {
    self.writer = writer
    self.leaderQueue = leaderQueue
    // What an earlier session left may be worth giving back, too.
    watchForIdleness()
  }

  /// Commits on the calling thread, which may block.
  func commit(_ request: CommitRequest) throws(StorageError) -> CommitPosition? {
    let parker = ThreadParker()
    request.waiter = .thread(parker)
    var leads = try enqueue(request)
    while !leads {
      parker.park()
      if request.isDone.load(ordering: .acquiring) { return try request.result() }
      leads = takeLead(with: request)
    }
    leadUntilDone(request)
    return try request.result()
  }

  /// Commits without blocking the calling thread.
  func commit(_ request: CommitRequest) async throws(StorageError) -> CommitPosition? {
    var refusal: StorageError?
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      request.waiter = .task(continuation)
      do throws(StorageError) {
        if try enqueue(request) { leaderQueue.submit { self.leadWhileThereIsWork() } }
      } catch {
        refusal = error
        continuation.resume()
      }
    }
    if let refusal { throw refusal }
    return try request.result()
  }

  /// - Returns: whether the caller has to see to it that somebody leads.
  private func enqueue(_ request: CommitRequest) throws(StorageError) -> Bool {
    try state.withLock { (state) throws(StorageError) in
      guard !state.isClosed else { throw StorageError(.closed, "the store was closed") }
      if request.work == .close { state.isClosed = true }
      state.waiting.append(request)
      if state.isLed { return false }
      state.isLed = true
      return true
    }
  }

  /// Takes the lead for a request that waits, unless somebody leads or has led its group meanwhile.
  private func takeLead(with request: CommitRequest) -> Bool {
    state.withLock { state in
      // Requests are marked as done before the lead is let go of, so this one waits still.
      if state.isLed || request.isDone.load(ordering: .acquiring) { return false }
      state.isLed = true
      return true
    }
  }

  /// Leads the group that `own`, which waits, is in, and those before it if it is not in the first.
  private func leadUntilDone(_ own: CommitRequest) {
    while !own.isDone.load(ordering: .relaxed) {
      writer.pace { self.waitingBytes }
      let group = takeGroup()
      writer.write(group)
      for request in group { request.finish() }
      if own.isDone.load(ordering: .relaxed) { letGo() }
      for request in group where request !== own { request.wake() }
    }
  }

  /// Leads until nothing waits, for threads too: the lead is here already.
  private func leadWhileThereIsWork() {
    var hasWritten = false
    while let group = takeGroupOrLetGo() {
      writer.write(group)
      for request in group {
        request.finish()
        request.wake()
      }
      hasWritten = true
    }
    if hasWritten { watchForIdleness() }
  }

  /// The requests that wait, in order, up to the size of a group, and at least one of them.
  private func takeGroup() -> [CommitRequest] { state.withLock { $0.takeGroup() } }

  /// The same, or `nil` when nothing waits: then nobody leads any more.
  private func takeGroupOrLetGo() -> [CommitRequest]? {
    writer.pace { self.waitingBytes }
    return state.withLock { state in
      if state.waiting.isEmpty {
        state.isLed = false
        return nil
      }
      return state.takeGroup()
    }
  }

  /// What the next group would take, if it were taken now.
  private var waitingBytes: Int { state.withLock { $0.groupSize.bytes } }

  /// Lets go of the lead, and sees to it that somebody takes it if anything waits.
  private func letGo() {
    let next = state.withLock { state -> CommitRequest? in
      let next = state.waiting.first
      // For a task the background thread leads, whose lead this is from now on.
      state.isLed = next.map { !$0.isThread } ?? false
      return next
    }
    guard let next else { return watchForIdleness() }
    if next.isThread { next.wake() } else { leaderQueue.submit { self.leadWhileThereIsWork() } }
  }

  // MARK: Idleness

  /// Sees to it that somebody looks, some time from now, whether there was a commit meanwhile. One look at
  /// a time.
  private func watchForIdleness() {
    let groups = state.withLock { state -> UInt64? in
      if state.watchesForIdleness || state.isClosed { return nil }
      state.watchesForIdleness = true
      return state.groupsLed
    }
    guard let groups else { return }
    leaderQueue.submit(afterMilliseconds: Self.idleMilliseconds) { self.sealIfIdle(since: groups) }
  }

  private func sealIfIdle(since groups: UInt64) {
    let isIdle = whileNobodyLeads(since: groups, clearing: \.watchesForIdleness) { writer.sealInPassing() }
    // After a commit since then, another look is due; after none, one at whether it stays that way.
    if isIdle { watchForQuiet(since: groups) } else { watchForIdleness() }
  }

  private func watchForQuiet(since groups: UInt64) {
    let isNew = state.withLock { state in
      if state.watchesForQuiet || state.isClosed { return false }
      state.watchesForQuiet = true
      return true
    }
    guard isNew else { return }
    leaderQueue.submit(afterMilliseconds: Self.quietMilliseconds) { self.giveBackIfQuiet(since: groups) }
  }

  /// Once after the last commit, and not again before the next: what could not be given back then, for an error or
  /// since somebody uses it, is given back later in the course of things.
  private func giveBackIfQuiet(since groups: UInt64) {
    let isQuiet = whileNobodyLeads(since: groups, clearing: \.watchesForQuiet) { writer.giveBackSpace() }
    // There was a look for idleness since, which found this one still to come.
    if !isQuiet { watchForIdleness() }
  }

  /// Takes the lead, which keeps everybody else from the log, and runs `work`; unless there was a commit since, or
  /// is one now.
  private func whileNobodyLeads(
    since groups: UInt64, clearing flag: WritableKeyPath<State, Bool>, _ work: () -> Void
  ) -> Bool {
    let leads = state.withLock { state in
      state[keyPath: flag] = false
      let leads = state.groupsLed == groups && !state.isLed && !state.isClosed
      if leads { state.isLed = true }
      return leads
    }
    guard leads else { return false }
    work()
    leadWhileThereIsWork()
    return true
  }
}
