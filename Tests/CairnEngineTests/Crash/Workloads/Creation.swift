extension EngineWorkload {
  /// A store comes to be, and nothing else: none, or a working one, and never something in between.
  static let creation = EngineWorkload("creation") { _ in }
}
