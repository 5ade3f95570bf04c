import Cairn
import CairnTesting
import Testing

@testable import CairnCommand

/// Each invariant must be seen to fail on a store that breaks it, and then alone.
@Suite struct InvariantTests {
  private let documents = (1...25).map { DocumentPath("document \($0)") }

  private func event(_ number: Int, reason: String = "empty") -> ReviewEvent {
    ReviewEvent(number: number, document: documents[(number - 1) % 25], outcome: .refused(reason))
  }

  /// What goes wrong in the making of a store.
  enum Fault: CaseIterable {
    case none, lostEvent, extraEvent, repeatedEvent, swappedEvents, otherReview, lostCheckpoint,
      doubleCheckpoint
    case earlyCheckpoint, oddCheckpoint, splitCommit, wrongState

    var invariants: Set<Invariant> {
      switch self {
      case .none: []
      case .lostEvent: [.noneLost]
      case .extraEvent: [.nothingInvented]
      case .repeatedEvent: [.noneTwice, .inOrder, .sameReviews]
      case .swappedEvents: [.inOrder, .sameReviews]
      case .otherReview: [.sameReviews]
      case .lostCheckpoint: [.eventHasCheckpoint]
      case .doubleCheckpoint: [.eventHasCheckpoint]
      case .earlyCheckpoint: [.checkpointHasEvent]
      case .oddCheckpoint: [.checkpointHasEvent]
      case .splitCommit: [.sameCommit]
      case .wrongState: [.stateIsFold]
      }
    }
  }

  private func store(_ fault: Fault) async throws -> Store {
    let time = SimulatedTime(wallMicroseconds: 0)
    let store = try await Store(over: InMemoryStore(), time: time)
    _ = try await Agent(store: store).begin(
      DocumentList(folder: DocumentPath("/folder"), documents: documents, isCut: false))
    var numbers = Array(1...22)
    switch fault {
    case .lostEvent: numbers.removeLast()
    case .extraEvent: numbers.append(23)
    case .repeatedEvent: numbers[12] = 12
    case .swappedEvents: numbers.swapAt(12, 13)
    default: break
    }
    var progress = ReviewProgress()
    for (index, number) in numbers.enumerated() {
      time.advance(byMicroseconds: 5)
      let event = event(number, reason: fault == .otherReview && number == 5 ? "gone" : "empty")
      let before = progress
      progress.take(event)
      let state = fault == .wrongState && index + 1 == 20 ? before : progress
      let isTenth = (index + 1) % 10 == 0 && !(fault == .lostCheckpoint && index + 1 == 10)
      if isTenth && fault == .splitCommit {
        try await store.write { _ = try $0.append(event, to: Agent.reviews) }
        time.advance(byMicroseconds: 1)
        try await store.write { _ = try $0.save(state, to: Agent.checkpoints, step: index + 1) }
        continue
      }
      try await store.write { transaction in
        _ = try transaction.append(event, to: Agent.reviews)
        if isTenth { try transaction.save(state, to: Agent.checkpoints, step: index + 1) }
        if isTenth && fault == .doubleCheckpoint {
          try transaction.save(state, to: Agent.checkpoints, step: index + 1)
        }
        if fault == .oddCheckpoint && index + 1 == 7 {
          try transaction.save(state, to: Agent.checkpoints, step: 7)
        }
      }
    }
    if fault == .earlyCheckpoint {
      let state = progress
      try await store.write { _ = try $0.save(state, to: Agent.checkpoints, step: 30) }
    }
    return store
  }

  @Test(arguments: Fault.allCases)
  func violationIsNamed(fault: Fault) async throws {
    let check = InvariantCheck(acknowledged: 22, begun: 22, reference: (1...25).map { event($0) })
    let found = await check.violations(in: try await store(fault))
    #expect(Set(found.map(\.invariant)) == fault.invariants, "\(found)")
  }

  @Test func closedStoreIsNotReadable() async throws {
    let store = try await store(.none)
    try await store.close()
    #expect(await InvariantCheck().violations(in: store).map(\.invariant) == [.opens])
  }

  @Test func emptyStoreLacksWhatWasAcknowledged() async throws {
    let store = try await Store(over: InMemoryStore(), time: SimulatedTime(wallMicroseconds: 0))
    #expect(await InvariantCheck(acknowledged: 0, begun: 0).violations(in: store).isEmpty)
    #expect(
      await InvariantCheck(acknowledged: 1, begun: 1).violations(in: store).map(\.invariant) == [.noneLost])
  }
}
