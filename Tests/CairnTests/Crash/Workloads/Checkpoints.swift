extension LayerWorkload {
  /// Saves of two timelines, some after an earlier checkpoint, two in one transaction, and one that is refused.
  static let checkpoints = LayerWorkload(
    name: "checkpoints",
    transactions: [
      [.save(1, to: "a", after: nil)], [.save(2, to: "a", after: nil), .save(1, to: "b", after: nil)],
      [.save(3, to: "a", after: 1)], [.load("a", at: 2), .save(4, to: "a", after: nil)],
      [.save(5, to: "b", after: 9), .save(6, to: "b", after: nil)], [.save(7, to: "a\u{0}", after: nil)],
    ])
}
