import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  /// What a store does while nobody uses it: logs that are worth giving back, then removals of ranges that are; and a
  /// reopening between.
  static var idle: EngineWorkload {
    var workload = EngineWorkload("idle") { workload in
      for index in 0..<4 { workload.commit(.buffered, .set(key(index), fill(index, 400 << 10))) }
      workload.steps.append(.quiet)
      workload.commit(.durable, .set(key(9), [9]))
      workload.commit(.durable, .removeRange(.all), .set(key(5), [5]))
      workload.steps.append(.quiet)
      workload.commit(.durable, .set(key(6), fill(6, 300)))
      workload.steps.append(.reopen)
      workload.steps.append(.quiet)
    }
    workload.options = EngineOptions()
    workload.options.memoryLimit = 32 << 20
    workload.hasTime = true
    return workload
  }

  /// Every file has to wait before the next one is removed, so that a crash finds many that still wait.
  static var slowRemovals: EngineWorkload {
    var workload = EngineWorkload("slow-removals") { workload in
      for index in 0..<24 {
        workload.commit(
          index % 3 == 0 ? .buffered : .durable, .set(key(index % 5), fill(index, 3000)),
          .set(key(5 + index % 3), fill(index, 900)))
        if index % 9 == 8 { workload.steps.append(.quiet) }
        if index == 20 { workload.steps.append(.reopen) }
      }
    }
    workload.options.removalLimits.burstBytes = 1
    workload.options.removalLimits.bytesPerSecond = 64 << 10
    workload.hasTime = true
    return workload
  }
}
