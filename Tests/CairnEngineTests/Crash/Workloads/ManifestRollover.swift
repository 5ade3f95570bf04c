import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  static var manifestRollover: EngineWorkload {
    var workload = EngineWorkload("manifest-rollover") { workload in
      for index in 0..<16 { workload.commit(.durable, .set(key(index % 5), fill(index, 1500))) }
    }
    workload.options.leastManifestRolloverBytes = 16 << 10
    return workload
  }
}
