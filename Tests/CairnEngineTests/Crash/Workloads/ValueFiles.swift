import CairnKV

extension EngineWorkload {
  /// Values around the threshold, overwritten and removed, singly and by ranges, until whole files go.
  static var valueFiles: EngineWorkload {
    EngineWorkload("value-files") { workload in
      for index in 0..<24 {
        switch index % 8 {
        case 5: workload.commit(.durable, .removeRange(.init(from: key(0), to: key(3))))
        case 6: workload.commit(.buffered, .remove(key(index % 5)))
        default:
          workload.commit(
            index % 3 == 0 ? .buffered : .durable,
            .set(key(index % 5), fill(index, [2047, 2048, 5000, 300][index % 4])),
            .set(key((index + 2) % 5), fill(index, 3000)))
        }
      }
    }
  }

  /// Many small value files, part of each overwritten, so that they are sparse and merged again and again.
  static var valueReclaiming: EngineWorkload {
    EngineWorkload("value-reclaiming") { workload in
      for index in 0..<40 {
        workload.commit(
          index % 4 == 1 ? .buffered : .durable, .set(Array("kept-\(index)".utf8), fill(index, 2500)),
          .set(key(index % 3), fill(index, 4000 + index)), .set(key(3 + index % 2), fill(index, 2100)))
      }
    }
  }
}
