/// A number found in a line of text, in thousandths, with the currency it is in, if one stands beside it.
struct FoundNumber: Equatable {
  /// The number times 1,000.
  var thousandths: Int
  /// The ISO 4217 code of the currency beside it.
  var currency: String?
  /// Whether a per cent sign follows.
  var isPercent: Bool
  /// Its place in the line, with sign and currency.
  var range: Range<Int>
}

/// Finds numbers as people write them: `1,234.56`, `1.234,56`, `1 234,56`, `1'234.56`, with `$ £ € ¥` or a
/// code before or after.
///
/// Whether a comma or a point is the decimal sign can't be told from one number, `1.234`, but can from all of
/// a document: it is the one that more often has exactly two digits after it.
struct NumberScanner {
  private let decimalSign: UInt8?

  private static let currencies: [(mark: [UInt8], code: String)] = [
    ("$", "USD"), ("£", "GBP"), ("€", "EUR"), ("¥", "JPY"),
    ("USD", "USD"), ("GBP", "GBP"), ("EUR", "EUR"), ("JPY", "JPY"), ("CHF", "CHF"),
  ].map { (Array($0.0.utf8), $0.1) }
  private static let spaces = [" ", "\u{a0}", "\u{202f}"].map { Array($0.utf8) }
  private static let groupSigns = spaces + [",", ".", "'", "’"].map { Array($0.utf8) }

  /// A scanner for the numbers of `text`, all of it.
  init(text: [UInt8]) {
    var commas = 0
    var points = 0
    for index in text.indices where text[index] == UInt8(ascii: ",") || text[index] == UInt8(ascii: ".") {
      guard index > 0, text[index - 1].isDigit, Self.digits(in: text[...], from: index + 1) == 2 else {
        continue
      }
      // 05.03.2024 is a date.
      if index + 4 < text.count, text[index + 3] == text[index], text[index + 4].isDigit { continue }
      if index >= 3, !text[index - 2].isDigit, text[index - 2] == text[index] { continue }
      if index >= 3, text[index - 3] == text[index] { continue }
      if text[index] == UInt8(ascii: ",") { commas += 1 } else { points += 1 }
    }
    decimalSign = commas + points == 0 ? nil : UInt8(ascii: commas > points ? "," : ".")
  }

  /// The numbers of a line, in order. Numbers too large to be an amount, from 10^9 on, are passed over.
  func numbers(in line: ArraySlice<UInt8>) -> [FoundNumber] {
    var found: [FoundNumber] = []
    var index = line.startIndex
    while index < line.endIndex {
      guard line[index].isDigit else {
        index += 1
        continue
      }
      let (end, thousandths) = number(in: line, at: index)
      if let thousandths, !isWithinWord(line, index) {
        found.append(
          dressed(thousandths, line, index..<end, after: found.last?.range.upperBound ?? line.startIndex))
      }
      index = max(end, found.last?.range.upperBound ?? end)
    }
    return found
  }

  /// Reads the digits at `start`, which is one.
  private func number(in line: ArraySlice<UInt8>, at start: Int) -> (end: Int, thousandths: Int?) {
    var end = start + Self.digits(in: line, from: start)
    var whole = Array(line[start..<end])
    if whole.count <= 3 {
      let groupSigns = Self.groupSigns.filter { $0 != decimalSign.map { [$0] } }
      while let sign = groupSigns.first(where: { line[end...].starts(with: $0) }),
        Self.digits(in: line, from: end + sign.count) == 3
      {
        whole += line[(end + sign.count)..<(end + sign.count + 3)]
        end += sign.count + 3
      }
    }
    var fraction: [UInt8] = []
    if let decimalSign, end < line.endIndex, line[end] == decimalSign {
      let count = Self.digits(in: line, from: end + 1)
      if (1...3).contains(count) {
        fraction = Array(line[(end + 1)...].prefix(count))
        end += 1 + count
      }
    }
    guard whole.count <= 9 else { return (end, nil) }
    let digits = whole + fraction + [UInt8](repeating: UInt8(ascii: "0"), count: 3 - fraction.count)
    return (end, digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
  }

  /// Whether a letter stands just before the number, as in `A4`; a currency's code may.
  private func isWithinWord(_ line: ArraySlice<UInt8>, _ start: Int) -> Bool {
    guard start > line.startIndex, line[start - 1].isLetter else { return false }
    return Self.mark(endingAt: start, in: line) == nil
  }

  /// The number with the sign, currency and per cent sign around it, but nothing from before `floor`.
  private func dressed(
    _ thousandths: Int, _ line: ArraySlice<UInt8>, _ digits: Range<Int>, after floor: Int
  ) -> FoundNumber {
    let own = line[floor...]
    var number = FoundNumber(thousandths: thousandths, currency: nil, isPercent: false, range: digits)
    var start = digits.lowerBound
    func takeMinus() {
      guard number.thousandths >= 0, start > floor, line[start - 1] == UInt8(ascii: "-") else { return }
      guard start - 1 == floor || !(line[start - 2].isLetter || line[start - 2].isDigit) else { return }
      start -= 1
      number.thousandths = -number.thousandths
    }
    takeMinus()
    let beforeSpace = start - (Self.spaces.first { own[..<start].ends(with: $0) }?.count ?? 0)
    if let mark = Self.mark(endingAt: start, in: own) ?? Self.mark(endingAt: beforeSpace, in: own) {
      number.currency = mark.code
      start = mark.start
      takeMinus()
    }
    var end = digits.upperBound
    let afterSpace = end + (Self.spaces.first { line[end...].starts(with: $0) }?.count ?? 0)
    for place in [end, afterSpace] where end == digits.upperBound && place < line.endIndex {
      if line[place] == UInt8(ascii: "%") {
        number.isPercent = true
        end = place + 1
      } else if number.currency == nil, let mark = Self.mark(startingAt: place, in: line) {
        number.currency = mark.code
        end = mark.end
      }
    }
    number.range = start..<end
    return number
  }

  private static func mark(endingAt end: Int, in line: ArraySlice<UInt8>) -> (code: String, start: Int)? {
    guard end > line.startIndex else { return nil }
    for (mark, code) in currencies where line[..<end].ends(with: mark) {
      let start = end - mark.count
      if mark[0].isLetter, start > line.startIndex, line[start - 1].isLetter { continue }
      return (code, start)
    }
    return nil
  }

  private static func mark(startingAt start: Int, in line: ArraySlice<UInt8>) -> (code: String, end: Int)? {
    for (mark, code) in currencies where line[start...].starts(with: mark) {
      let end = start + mark.count
      if mark[0].isLetter, end < line.endIndex, line[end].isLetter { continue }
      return (code, end)
    }
    return nil
  }

  private static func digits(in line: ArraySlice<UInt8>, from start: Int) -> Int {
    start < line.endIndex ? line[start...].prefix { $0.isDigit }.count : 0
  }
}

extension UInt8 {
  /// An ASCII digit.
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
  /// An ASCII letter.
  var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with suffix: [UInt8]) -> Bool {
    count >= suffix.count && self.suffix(suffix.count) == suffix[...]
  }
}

/// An amount in its plain form: `1234.50`; yen have no decimals.
func plainAmount(_ thousandths: Int, currency: String) -> String {
  let sign = thousandths < 0 ? "-" : ""
  let magnitude = thousandths.magnitude
  if currency == "JPY" && magnitude % 1000 == 0 { return "\(sign)\(magnitude / 1000)" }
  let decimals = magnitude % 10 == 0 ? 2 : 3
  let fraction = String(magnitude % 1000 + 1000).dropFirst().prefix(decimals)
  return "\(sign)\(magnitude / 1000).\(fraction)"
}
