// One thing that a crash may leave of what was pending, as text: so that one line says the whole case.

/// What a crash keeps.
package enum CrashChoice: Hashable, Sendable {
  /// The process died. Of the write that was under way so many bytes were done; all of it with `nil`.
  case process(writtenOfLast: Int?)
  /// The process died, and what was not synchronized can still be lost while the next one is at work.
  case death
  /// The power went.
  case power(EffectChoice)
}

extension CrashChoice: LosslessStringConvertible {
  /// `kill`, `kill@7`, `death`, or what the power kept: `m0-2,5` of the changes that are no writes, `d3.0-7@4` of file 3 the
  /// sectors 0 to 7 as change 4 and those before left them, and `s1` the second of the old contents where data is
  /// missing; `;` between.
  package var description: String {
    switch self {
    case .process(nil): "kill"
    case .process(let count?): "kill@\(count)"
    case .death: "death"
    case .power(let choice): choice.text
    }
  }

  package init?(_ description: String) {
    if description == "kill" {
      self = .process(writtenOfLast: nil)
    } else if description == "death" {
      self = .death
    } else if description.hasPrefix("kill@") {
      guard let count = Int(description.dropFirst(5)), count > 0 else { return nil }
      self = .process(writtenOfLast: count)
    } else {
      guard let choice = EffectChoice(text: description) else { return nil }
      self = .power(choice)
    }
  }
}

extension EffectChoice {
  fileprivate var text: String {
    var parts: [String] = []
    if !metadata.isEmpty { parts.append("m" + IndexRanges.text(metadata.sorted())) }
    // By file and change, sectors in a row together.
    var sectors: [[Int]: [Int]] = [:]
    for (place, index) in last { sectors[[place.file, index], default: []].append(Int(place.sector)) }
    for (key, list) in sectors.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      parts.append("d\(key[0]).\(IndexRanges.text(list.sorted()))@\(key[1])")
    }
    if let stale { parts.append("s\(stale)") }
    return parts.isEmpty ? "nothing" : parts.joined(separator: ";")
  }

  fileprivate init?(text: String) {
    self.init()
    if text == "nothing" { return }
    for part in text.split(separator: ";") {
      let rest = part.dropFirst()
      switch part.first {
      case "m":
        guard let indices = IndexRanges.parse(rest) else { return nil }
        for index in indices { keep(metadata: index) }
      case "d":
        let fields = rest.split(whereSeparator: { $0 == "." || $0 == "@" })
        guard fields.count == 3, let file = Int(fields[0]), let sectors = IndexRanges.parse(fields[1]),
          let index = Int(fields[2])
        else { return nil }
        for sector in sectors { keep(index, file: file, sector: UInt64(sector)) }
      case "s":
        guard let number = Int(rest) else { return nil }
        stale = number
      default: return nil
      }
    }
  }
}

/// Numbers in ascending order as text: `0-2,5`.
package enum IndexRanges {
  /// More than these nobody writes down.
  private static let greatestCount = 1 << 20

  package static func text(_ indices: [Int]) -> String {
    var parts: [String] = []
    var first: Int?
    for (place, index) in indices.enumerated() {
      let start = first ?? index
      let continues = place + 1 < indices.count && indices[place + 1] == index + 1
      first = continues ? start : nil
      if !continues { parts.append(start == index ? "\(index)" : "\(start)-\(index)") }
    }
    return parts.joined(separator: ",")
  }

  /// `nil` for what ``text(_:)`` does not write.
  package static func parse(_ text: some StringProtocol) -> [Int]? {
    var indices: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: true) {
      let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let lower = bounds[0], let upper = bounds[bounds.count - 1], bounds.count <= 2, lower >= 0,
        lower <= upper, upper - lower < greatestCount
      else { return nil }
      indices += lower...upper
    }
    return indices
  }
}
