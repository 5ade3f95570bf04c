import Cairn

extension LayerWorkload {
  /// Appends to two journals: one event and several, at an expected version and at one that is not, and once.
  static let events = LayerWorkload(
    name: "events",
    transactions: [
      [.append([1], to: "a", expecting: .any, once: nil)],
      [.append([2, 3, 4], to: "a", expecting: .exactly(1), once: "first")],
      [.append([2, 3, 4], to: "a", expecting: .any, once: "first"), .version("a")],
      [
        .append([5], to: "b", expecting: .exactly(7), once: nil),
        .append([6], to: "b", expecting: .any, once: nil),
      ],
      [
        .append([7], to: "a", expecting: .any, once: nil),
        .append([8], to: "b", expecting: .any, once: "second"),
      ],
    ])
}
