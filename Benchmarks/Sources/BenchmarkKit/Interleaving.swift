/// The order in which subjects take their turns: in each round another one begins, so that none always comes
/// first, or always after the same one's leftovers.
public enum Interleaving {
  /// The order of `elements` in `round`, which counts from 1: rotated by one place a round, and backwards in every
  /// second turn around, so that neighbours change sides as well.
  public static func order<Element>(_ elements: [Element], round: Int) -> [Element] {
    guard !elements.isEmpty, round >= 1 else { return elements }
    let turn = (round - 1) % elements.count
    let rotated = Array(elements[turn...] + elements[..<turn])
    return (round - 1) / elements.count % 2 == 0 ? rotated : rotated.reversed()
  }
}
