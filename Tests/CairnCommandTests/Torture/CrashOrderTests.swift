import CairnKV
import Testing

@testable import CairnCommand

/// The commit order alone, whatever else may be wrong.
@Suite struct CrashOrderTests {
  /// A store in which operations were committed in this order, of which writers said nothing of when.
  private func violations(_ committed: [UInt64], lanes recorded: [Int: UInt64]) -> [CrashViolation.Kind] {
    let entries = committed.enumerated().map { index, operation in
      KeyValue(
        key: CrashLane.orderKey.resolved(at: CommitPosition(rawValue: UInt64(index) * 5 + 1)),
        value: CrashLane.bytes(of: operation))
    }
    let order = CrashOrder(
      record: CrashRecord(), script: CrashScript(seed: 1, isMixed: false),
      recorded: (0..<CrashLane.count).map { recorded[$0] ?? 0 })
    return order.violations(in: entries, nil).map(\.kind)
  }

  @Test func lanesMayInterleaveAsTheyLike() {
    #expect(violations([1, 17, 2, 33, 18], lanes: [0: 3, 1: 2]) == [])
    #expect(violations([], lanes: [:]) == [])
  }

  @Test(arguments: [[1, 33, 17], [17, 1, 33], [1, 33], [1, 1, 17], [1, 17, 33, 33]] as [[UInt64]])
  func aLaneIsInItsOrderAndHasNoHole(committed: [UInt64]) {
    #expect(violations(committed, lanes: [0: 3]) == [.order])
  }

  @Test func itHasAsMuchAsTheLanesHave() {
    #expect(violations([1, 17], lanes: [0: 3]) == [.order])
    #expect(violations([1, 17, 2], lanes: [0: 2]) == [.order])
  }

  @Test func whatIsNoPlaceInItIsFound() {
    let order = CrashOrder(
      record: CrashRecord(), script: CrashScript(seed: 1, isMixed: true),
      recorded: [UInt64](repeating: 0, count: CrashLane.count))
    for (key, value) in [([2, 3], CrashLane.bytes(of: 1)), (CrashLane.orderKey.bytes, [1])]
      as [([UInt8], [UInt8])]
    {
      let found = order.violations(in: [KeyValue(key: key, value: value)], nil)
      #expect(found.map(\.kind) == [.stray])
    }
  }
}
