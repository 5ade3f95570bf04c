/// Whether an invoice adds up: each line, the sum of the lines, the tax, the total.
///
/// Each figure is checked against the stated figures that it follows from, so that one mistake is reported
/// once and where it was made.
struct InvoiceCheck: Codable, Hashable, Sendable {
  /// What is wrong, with what it should be. Amounts are in thousandths.
  enum Finding: Codable, Hashable, Sendable {
    /// The amount of a line item isn't quantity times price; `line` counts from 1.
    case item(line: Int, stated: Int, expected: Int)
    /// The subtotal isn't the sum of the line items.
    case subtotal(stated: Int, expected: Int)
    /// A tax isn't its rate of the subtotal.
    case tax(stated: Int, expected: Int)
    /// The total isn't the subtotal with the taxes.
    case total(stated: Int, expected: Int)
  }

  /// The ISO 4217 code of the currency.
  let currency: String
  /// The number of line items.
  let items: Int
  /// The total that the invoice states, in thousandths.
  let total: Int
  /// What is wrong, in the order of the invoice. Empty: it adds up.
  let findings: [Finding]
}

/// Reads the line items, the taxes and the totals of an invoice, line by line.
///
/// A line item is a line in columns (two spaces, a tab, a semicolon or a bar apart), of which the last three
/// are numbers: quantity, price, amount. Sums are lines that say so in English, French or German.
struct InvoiceReader {
  private struct Item {
    let line: Int
    let quantity: Int
    let price: Int
    let amount: Int
  }

  private var items: [Item] = []
  private var taxes: [(rate: Int?, amount: Int)] = []
  private var subtotal: Int?
  private var total: Int?
  private var currencyCounts: [String: Int] = [:]

  private static let subtotalWords = ["subtotal", "sub-total", "sous-total", "zwischensumme", "net amount"]
  private static let totalWords = ["total", "gesamtbetrag", "gesamtsumme", "amount due", "rechnungsbetrag"]
  private static let taxWords = ["tax", "vat", "tva", "mwst", "mehrwertsteuer"]

  /// Takes the next line, with the numbers in it.
  mutating func take(_ line: ArraySlice<UInt8>, number: Int, numbers: [FoundNumber]) {
    for currency in numbers.compactMap(\.currency) { currencyCounts[currency, default: 0] += 1 }
    guard let last = numbers.last else { return }
    if let item = Self.item(line, number, numbers) {
      items.append(item)
      return
    }
    guard !items.isEmpty, !last.isPercent, line.count <= 400 else { return }
    let text = String(decoding: line, as: UTF8.self).lowercased()
    func says(_ words: [String]) -> Bool { words.contains { text.contains($0) } }
    if says(Self.subtotalWords) {
      subtotal = last.thousandths
    } else if says(Self.totalWords) {
      total = last.thousandths
    } else if says(Self.taxWords) {
      taxes.append((numbers.first(where: \.isPercent)?.thousandths, last.thousandths))
    }
  }

  /// The check of what was taken; `nil` when that is no invoice: it lacks line items, a total or a currency.
  func check() -> InvoiceCheck? {
    let byCount = currencyCounts.max { ($0.value, $1.key) < ($1.value, $0.key) }
    guard let total, !items.isEmpty, let currency = byCount?.key else { return nil }
    let unit = currency == "JPY" ? 1000 : 10
    var findings: [InvoiceCheck.Finding] = []
    for item in items {
      guard let expected = Self.product(item.quantity, item.price, over: 1000, roundedTo: unit) else {
        continue
      }
      if expected != item.amount {
        findings.append(.item(line: item.line, stated: item.amount, expected: expected))
      }
    }
    // Amounts are below 10^12 thousandths and lines at most 2^20: no sum can overflow.
    let sum = items.reduce(0) { $0 + $1.amount }
    if let subtotal, subtotal != sum { findings.append(.subtotal(stated: subtotal, expected: sum)) }
    let base = subtotal ?? sum
    for tax in taxes {
      guard let rate = tax.rate, let expected = Self.product(rate, base, over: 100_000, roundedTo: unit),
        expected != tax.amount
      else { continue }
      findings.append(.tax(stated: tax.amount, expected: expected))
    }
    let expected = taxes.reduce(base) { $0 + $1.amount }
    if total != expected { findings.append(.total(stated: total, expected: expected)) }
    return InvoiceCheck(currency: currency, items: items.count, total: total, findings: findings)
  }

  private static func item(_ line: ArraySlice<UInt8>, _ number: Int, _ numbers: [FoundNumber]) -> Item? {
    guard numbers.count >= 3 else { return nil }
    let columns = columns(of: line)
    guard columns.count >= 4,
      columns[0..<(columns.count - 3)].contains(where: { $0.contains(where: \.isLetter) })
    else { return nil }
    let figures = numbers.suffix(3)
    for (column, figure) in zip(columns.suffix(3), figures) where !column.indices.contains(figure.range) {
      return nil
    }
    guard let quantity = figures.first, let amount = figures.last, !amount.isPercent, !quantity.isPercent
    else {
      return nil
    }
    // A unit may follow the quantity (`2.5 h`); nothing else may stand in these columns.
    for (place, (column, figure)) in zip(columns.suffix(3), figures).enumerated() {
      let rest = column.count - figure.range.count
      if rest > (place == 0 ? 5 : 0) { return nil }
    }
    return Item(
      line: number, quantity: quantity.thousandths, price: figures[figures.startIndex + 1].thousandths,
      amount: amount.thousandths)
  }

  /// The parts of a line that are apart, without spaces around them.
  private static func columns(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var columns: [ArraySlice<UInt8>] = []
    var start: Int?
    var spaces = 0
    for index in line.indices {
      switch line[index] {
      case UInt8(ascii: " "): spaces += 1
      case UInt8(ascii: "\t"), UInt8(ascii: "|"), UInt8(ascii: ";"): spaces = 2
      default:
        if spaces >= 2, let begun = start {
          columns.append(line[begun..<index])
          start = nil
        }
        if start == nil { start = index }
        spaces = 0
      }
    }
    if let start { columns.append(line[start...]) }
    return columns.map { column in
      let end = column.lastIndex { !" \t|;".utf8.contains($0) }.map { $0 + 1 } ?? column.startIndex
      return column[..<end]
    }
  }

  /// `a` times `b` over `divisor`, rounded half away from zero to a multiple of `unit`; `nil` when it is out
  /// of range.
  private static func product(_ a: Int, _ b: Int, over divisor: Int, roundedTo unit: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow else { return nil }
    let step = divisor * unit
    let (shifted, tooLarge) = product.magnitude.addingReportingOverflow(UInt(step / 2))
    guard !tooLarge else { return nil }
    let magnitude = Int(shifted / UInt(step)) * unit
    return product < 0 ? -magnitude : magnitude
  }
}

extension Range<Int> {
  fileprivate func contains(_ other: Range<Int>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }
}
