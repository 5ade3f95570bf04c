import CairnKV

extension EngineWorkload {
  /// With removals of ranges among them.
  static var compactions: EngineWorkload {
    EngineWorkload("compactions") { workload in
      for index in 0..<26 {
        switch index % 7 {
        case 3: workload.commit(.durable, .removeRange(.init(from: key(1), to: key(4))))
        case 5: workload.commit(.buffered, .removeRange(.init(from: key(6), to: nil)))
        default:
          workload.commit(
            .durable, .set(key(index % 9), fill(index, 3000)), .set(key((index + 4) % 9), fill(index, 200)))
        }
      }
    }
  }
}
