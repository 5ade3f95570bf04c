import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct GroupTests {
  /// What one large commit made the buffer grow to, and the commit's own bytes, are given back with it, not by the
  /// next one.
  @Test func aLargeCommitGivesItsMemoryBack() throws {
    let driver = try GroupDriver(.simulated(SimulatedFileSystem(), seed: 1))
    let ordinary = driver.buffer.capacity
    let failures = try driver.commit([Commit(writes: [.set([1], [UInt8](repeating: 1, count: 20 << 20))])])
    #expect(failures == [nil])
    #expect(driver.buffer.capacity == ordinary)
  }
}
