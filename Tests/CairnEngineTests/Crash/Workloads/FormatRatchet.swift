import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  /// A store of the first format becomes one of the newest, between commits.
  static var formatRatchet: EngineWorkload {
    var workload = EngineWorkload("format-ratchet") { workload in
      workload.commit(.durable, .set(key(0), fill(1, 3000)))
      workload.commit(.buffered, .set(key(1), fill(2, 100)))
      workload.steps.append(.ratchet)
      workload.commit(.durable, .set(key(2), fill(3, 100)))
      workload.steps.append(.reopen)
      workload.commit(.buffered, .remove(key(0)))
    }
    workload.options.formatVersion = .one
    return workload
  }
}
