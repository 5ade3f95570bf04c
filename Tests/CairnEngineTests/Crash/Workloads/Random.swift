extension EngineWorkload {
  static func random(seed: UInt64) -> EngineWorkload {
    EngineWorkload("random-\(seed)", .random(seed: seed, commits: 60))
  }

  static func randomIngests(seed: UInt64) -> EngineWorkload {
    EngineWorkload("random-ingests-\(seed)", .random(seed: seed, commits: 40, ingesting: 25))
  }
}
