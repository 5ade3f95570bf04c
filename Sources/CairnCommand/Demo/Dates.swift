/// Finds dates, written `2024-03-05`, `05.03.2024`, `5 March 2024` or `March 5, 2024`, and gives them as
/// `2024-03-05`.
///
/// `03/05/2024` is two different days on two sides of an ocean, so it is none here.
enum DateScanner {
  private static let months = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november",
    "december",
  ]

  /// The dates of a line, in order.
  static func dates(in line: ArraySlice<UInt8>) -> [String] {
    let words = line.split { byte in byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") }
    var found: [String] = []
    for (place, word) in words.enumerated() {
      if word.first?.isDigit == true {
        let trimmed = word.last?.isDigit == true ? word : word.dropLast()
        if let parts = numbers(trimmed, separator: UInt8(ascii: "-"), lengths: [4, 2, 2]) {
          found += date(parts[0], parts[1], parts[2])
        } else if let parts = numbers(trimmed, separator: UInt8(ascii: "."), lengths: [2, 2, 4]) {
          found += date(parts[2], parts[1], parts[0])
        }
      }
      guard place > 0, place + 1 < words.count || word.count == 4 else { continue }
      let (before, after) = (words[place - 1], place + 1 < words.count ? words[place + 1] : [])
      if let month = month(word), let day = number(before), let year = number(after.prefix(4)) {
        found += date(year, month, day)
      } else if let month = month(before), let day = number(word), let year = number(after.prefix(4)) {
        found += date(year, month, day)
      }
    }
    return found
  }

  private static func date(_ year: Int, _ month: Int, _ day: Int) -> [String] {
    guard (1000...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return [] }
    func twoDigits(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    return ["\(year)-\(twoDigits(month))-\(twoDigits(day))"]
  }

  private static func numbers(_ word: ArraySlice<UInt8>, separator: UInt8, lengths: [Int]) -> [Int]? {
    let parts = word.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.map(\.count) == lengths else { return nil }
    let values = parts.compactMap(number)
    return values.count == parts.count ? values : nil
  }

  private static func number(_ word: ArraySlice<UInt8>) -> Int? {
    guard (1...4).contains(word.count), word.allSatisfy(\.isDigit) else { return nil }
    return Int(String(decoding: word, as: UTF8.self))
  }

  private static func month(_ word: ArraySlice<UInt8>) -> Int? {
    guard (3...9).contains(word.count) else { return nil }
    return months.firstIndex(of: String(decoding: word, as: UTF8.self).lowercased()).map { $0 + 1 }
  }
}
