// A flush that is asked for, cut short anywhere: it takes no commit along, and makes those before it durable.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct FlushCrashTests {
  private static func key(_ index: Int) -> [UInt8] { Array("key-\(index)".utf8) }

  /// Buffered commits before each flush, so that only the flush makes them durable; large values; logs that are
  /// kept and logs that are given back; twice in a row; and a reopening between.
  @Test(arguments: [true, false]) func flushes(keepingLogFiles: Bool) {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    options.segmentBytes = 8 << 10
    var workload = Workload()
    for round in 0..<4 {
      for index in 0..<3 {
        let value = [UInt8](repeating: UInt8(round), count: index == 0 ? 5000 : 300)
        workload.commit(.buffered, .set(Self.key(round + index), value), .remove(Self.key(round)))
      }
      workload.steps.append(.flush(keepingLogFiles: keepingLogFiles))
      if round == 1 { workload.steps.append(.flush(keepingLogFiles: keepingLogFiles)) }
      if round == 2 { workload.steps.append(.reopen) }
    }
    workload.commit(.durable, .removeRange(.prefix(Self.key(3))), .set(Self.key(9), [9]))
    CrashSweep(
      name: "flushes, \(keepingLogFiles ? "logs kept" : "logs given back")", workload: workload,
      options: options, stride: 2, recoveryStride: 83
    ).verify()
  }
}
