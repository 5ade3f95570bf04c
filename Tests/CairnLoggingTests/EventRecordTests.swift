import CairnKV
import Logging
import Testing

@testable import CairnEngine
@testable import CairnLogging

@Suite struct EventRecordTests {
  @Test(arguments: EventKind.allCases)
  func everyKindOfEventHasItsRecord(kind: EventKind) {
    let example = kind.example
    let record = EventRecord(example.event)
    #expect(EventKind(of: example.event) == kind)
    #expect(record.level == example.level)
    #expect(record.message.description == example.message)
    #expect(record.metadata == example.metadata)
  }

  /// One can search a log for a kind of event.
  @Test func noTwoKindsHaveTheSameMessage() {
    let messages = EventKind.allCases.map { EventRecord($0.example.event).message.description }
    #expect(Set(messages).count == messages.count)
  }

  /// Whoever filters by level sees both, or neither.
  @Test func theEndOfAStateHasTheLevelOfItsBeginning() {
    func level(_ kind: EventKind) -> Logger.Level { EventRecord(kind.example.event).level }
    #expect(level(.stallBegan) == level(.stallEnded))
    #expect(level(.spaceLow) == level(.spaceRegained))
  }

  @Test(arguments: EngineEvent.Work.allCases)
  func damageFoundByBackgroundWorkIsCritical(work: EngineEvent.Work) {
    func level(_ code: StorageError.Code) -> Logger.Level {
      EventRecord(.backgroundFailed(work, StorageError(code, "no"))).level
    }
    let usual: Logger.Level = work == .flush || work == .compaction ? .error : .warning
    #expect(level(.full) == usual && level(.inputOutput) == usual)
    #expect(level(.corruption) == .critical && level(.internalInconsistency) == .critical)
  }
}
