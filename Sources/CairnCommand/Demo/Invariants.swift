import Cairn

/// What must hold in a store that the agent worked on, at any moment and after any kill.
enum Invariant: CaseIterable {
  case opens
  case noneLost
  case nothingInvented
  case noneTwice
  case inOrder
  case sameReviews
  case eventHasCheckpoint
  case checkpointHasEvent
  case sameCommit
  case stateIsFold
  case sameReport

  /// The invariant as a sentence.
  var sentence: String {
    switch self {
    case .opens: "the store opens and can be read"
    case .noneLost: "no acknowledged review is lost"
    case .nothingInvented: "no review is there that was not begun"
    case .noneTwice: "no document is reviewed twice"
    case .inOrder: "the reviews are in order, without gaps"
    case .sameReviews: "each review is as in the undisturbed run"
    case .eventHasCheckpoint: "every tenth review has its checkpoint"
    case .checkpointHasEvent: "every checkpoint has its review"
    case .sameCommit: "both are of the same commit"
    case .stateIsFold: "a checkpoint's state is the sum of the reviews up to it"
    case .sameReport: "the report is that of the undisturbed run, byte for byte"
    }
  }
}

/// An invariant that does not hold, and how it shows.
struct Violation: Equatable {
  let invariant: Invariant
  let detail: String
}

/// Checks a store against what is known from outside of it.
struct InvariantCheck {
  /// How many reviews were acknowledged, over all runs.
  var acknowledged = 0
  /// How many were at least begun; `nil` when that isn't known.
  var begun: Int?
  /// The reviews of the undisturbed run, when there was one.
  var reference: [ReviewEvent]?

  /// What does not hold. Reads everything in the store, a bounded part at a time.
  func violations(in store: Store) async -> [Violation] {
    var found: [Violation] = []
    do {
      try await examine(store, &found)
    } catch {
      found.append(Violation(invariant: .opens, detail: "reading failed: \(error)"))
    }
    return found
  }

  private func examine(_ store: Store, _ found: inout [Violation]) async throws {
    let (documents, history) = try await store.read { snapshot in
      (
        try snapshot.events(in: Agent.lists, limit: 1).first?.event.documents ?? [],
        try snapshot.history(of: Agent.checkpoints)
      )
    }
    let byStep = Dictionary(grouping: history, by: \.step)
    var fold = EventFold(documents: documents, reference: reference)
    var next = UInt64(1)
    while true {
      let page = try await store.read { try $0.events(in: Agent.reviews, from: .version(next), limit: 64) }
      for recorded in page {
        fold.take(recorded, &found)
        guard fold.count % Agent.checkpointInterval == 0 else { continue }
        try await checkCheckpoint(byStep[fold.count] ?? [], recorded, fold.progress, store, &found)
      }
      guard page.count == 64, let last = page.last else { break }
      next = last.version + 1
    }
    checkEnds(fold, history, &found)
  }

  /// Checks the checkpoints saved at a tenth event: exactly one, of the same commit, with the right state.
  private func checkCheckpoint(
    _ saved: [CheckpointInfo], _ event: Recorded<ReviewEvent>, _ state: ReviewProgress, _ store: Store,
    _ found: inout [Violation]
  ) async throws {
    guard let info = saved.first, saved.count == 1 else {
      let detail = "review \(state.recorded) has \(saved.count) checkpoints"
      found.append(Violation(invariant: .eventHasCheckpoint, detail: detail))
      return
    }
    // Everything in a transaction has the time of that transaction, in microseconds, and no other has it:
    // each waits for the disk before the next begins.
    if info.time != event.time {
      let detail = "checkpoint \(info.id) is of \(info.time), review \(state.recorded) of \(event.time)"
      found.append(Violation(invariant: .sameCommit, detail: detail))
    }
    let checkpoint = try await store.read { try $0.load(Agent.checkpoints, at: info.id) }
    if checkpoint?.state != state {
      let detail = "checkpoint \(info.id) is not the state after review \(state.recorded)"
      found.append(Violation(invariant: .stateIsFold, detail: detail))
    }
  }

  private func checkEnds(_ fold: EventFold, _ history: [CheckpointInfo], _ found: inout [Violation]) {
    if fold.count < acknowledged {
      let detail = "\(acknowledged) reviews were acknowledged, \(fold.count) are there"
      found.append(Violation(invariant: .noneLost, detail: detail))
    }
    if let begun, fold.count > begun {
      let detail = "\(begun) reviews were begun, \(fold.count) are there"
      found.append(Violation(invariant: .nothingInvented, detail: detail))
    }
    for info in history where info.step > fold.count || info.step % Agent.checkpointInterval != 0 {
      let detail = "checkpoint \(info.id) is of \(info.step) reviews, \(fold.count) are there"
      found.append(Violation(invariant: .checkpointHasEvent, detail: detail))
    }
  }
}

/// The events seen so far, and the state that they add up to.
private struct EventFold {
  let documents: [DocumentPath]
  let reference: [ReviewEvent]?
  private(set) var progress = ReviewProgress()
  private(set) var lastPosition: CommitPosition?
  private(set) var numbers: Set<Int> = []
  private(set) var count = 0

  init(documents: [DocumentPath], reference: [ReviewEvent]?) {
    self.documents = documents
    self.reference = reference
  }

  mutating func take(_ recorded: Recorded<ReviewEvent>, _ found: inout [Violation]) {
    let event = recorded.event
    count += 1
    if !numbers.insert(event.number).inserted {
      found.append(Violation(invariant: .noneTwice, detail: "document \(event.number) has a second review"))
    }
    let isInPlace = recorded.version == UInt64(count) && event.number == count && count <= documents.count
    if !isInPlace || event.document != documents[count - 1]
      || lastPosition.map({ $0 >= recorded.position }) ?? false
    {
      let detail = "review \(count) is version \(recorded.version), of document \(event.number)"
      found.append(Violation(invariant: .inOrder, detail: detail))
    }
    if let reference, count > reference.count || reference[count - 1] != event {
      found.append(Violation(invariant: .sameReviews, detail: "review \(count) differs"))
    }
    lastPosition = recorded.position
    progress.take(event)
  }
}
