/// A hundred invoices to review when there is no folder of one's own, each with the answer a review must
/// find.
///
/// The same seed always gives the same documents. Five countries' ways to write them take turns. About every
/// seventh has one deliberate mistake, and a few are another one sent again under a new number.
struct InvoiceGenerator {
  /// What is wrong with a document on purpose.
  enum Mistake: CaseIterable {
    case item, subtotal, tax, total
  }

  /// A document and what is known about it.
  struct Document {
    let name: String
    let text: String
    /// The currency's ISO 4217 code.
    let currency: String
    /// The stated total, in thousandths.
    let total: Int
    let mistake: Mistake?
    /// The number, from 1, of the document that this one repeats.
    let original: Int?
  }

  /// How many documents there are.
  static let count = 100

  /// The documents, in order of their names.
  static func documents(seed: UInt64) -> [Document] {
    var random = SeededGenerator(seed: seed)
    var invoices: [Invoice] = []
    var documents: [Document] = []
    for number in 1...count {
      // Numbers 23, 46, 69 and 92 repeat an earlier invoice that is in the same style.
      let original = number % 23 == 0 ? number - 5 * random.pick(1...3) : nil
      var invoice: Invoice
      if let original {
        invoice = invoices[original - 1]
        invoice.number = number
      } else {
        invoice = Invoice(number: number, style: .all[number % InvoiceStyle.all.count], random: &random)
        if number % 7 == 3 { invoice.mistake = random.pick(Mistake.allCases) }
      }
      invoices.append(invoice)
      let (text, total) = invoice.written()
      let digits = String(1000 + number).dropFirst()
      documents.append(
        Document(
          name: "invoice-\(digits).txt", text: text, currency: invoice.style.currency, total: total,
          mistake: invoice.mistake, original: original))
    }
    return documents
  }
}

/// What stands in an invoice, before it's written down.
struct Invoice {
  /// A line item; the price is in the currency's least units.
  struct Item {
    let name: String
    let quantity: Int
    let price: Int
  }

  var number: Int
  let style: InvoiceStyle
  var mistake: InvoiceGenerator.Mistake?
  private let date: (year: Int, month: Int, day: Int)
  private let seller: String
  private let buyer: String
  private let items: [Item]
  private let note: String
  /// How much a mistake is off, in the currency's least units.
  private let slip: Int

  init(number: Int, style: InvoiceStyle, random: inout SeededGenerator) {
    self.number = number
    self.style = style
    date = (2024, random.pick(1...12), random.pick(1...28))
    seller = "\(random.pick(Vocabulary.names)) & \(random.pick(Vocabulary.names))"
    buyer =
      "\(random.pick(Vocabulary.names)) \(random.pick(Vocabulary.trades)), \(random.pick(Vocabulary.towns))"
    items = random.draw(random.pick(3...9), of: Vocabulary.goods).map { name in
      let price = style.decimals == 0 ? 10 * random.pick(12...9_500) : random.pick(90...250_000)
      return Item(name: "\(name) \(random.pick(2...99))", quantity: random.pick(1...24), price: price)
    }
    note = random.draw(random.pick(3...6), of: Vocabulary.sentences).joined(separator: " ")
    slip = random.pick(1...9) * (style.decimals == 0 ? 100 : random.pick([1, 10, 100, 1000]))
  }

  /// The text, and the total that it states, in thousandths.
  func written() -> (text: String, total: Int) {
    let wrongItem = mistake == .item ? number % items.count : -1
    let amounts = items.enumerated().map { $1.quantity * $1.price + ($0 == wrongItem ? slip : 0) }
    let subtotal = amounts.reduce(0, +) + (mistake == .subtotal ? slip : 0)
    // Whole least units, rounded half up: the rate is in tenths of a per cent.
    let tax = (subtotal * style.taxPerMille + 500) / 1000 + (mistake == .tax ? slip : 0)
    let total = subtotal + tax + (mistake == .total ? slip : 0)

    var lines = ["\(style.title) \(date.year)-\(String(10_000 + number).dropFirst())", ""]
    lines += [
      "\(style.from): \(seller)", "\(style.to): \(buyer)", "\(style.dateLabel): \(style.written(date))", "",
    ]
    lines.append(Self.row(style.columns))
    for (item, amount) in zip(items, amounts) {
      lines.append(
        Self.row([item.name, "\(item.quantity)", style.written(item.price), style.written(amount)]))
    }
    lines += ["", Self.row([style.subtotalLabel, "", "", style.written(subtotal)])]
    lines.append(Self.row([style.taxLabel, "", "", style.written(tax)]))
    lines.append(Self.row([style.totalLabel, "", "", style.written(total)]))
    lines += ["", note, ""]
    let thousandths = total * (style.decimals == 0 ? 1000 : 10)
    return (lines.joined(separator: "\n"), thousandths)
  }

  private static func row(_ columns: [String]) -> String {
    var row = columns[0] + String(repeating: " ", count: max(2, 34 - columns[0].count))
    for (column, width) in zip(columns.dropFirst(), [6, 18, 20]) {
      row += String(repeating: " ", count: max(0, width - column.count)) + column
    }
    return row
  }
}

/// A country's way to write an invoice.
struct InvoiceStyle {
  let currency: String
  let decimals: Int
  let taxPerMille: Int
  let title: String
  let from: String
  let to: String
  let dateLabel: String
  let columns: [String]
  let subtotalLabel: String
  let taxLabel: String
  let totalLabel: String
  private let pattern: AmountPattern

  private struct AmountPattern {
    let before: String
    let after: String
    let group: String
    let point: String
  }

  /// An amount, given in the currency's least units.
  func written(_ amount: Int) -> String {
    let unit = decimals == 0 ? 1 : 100
    var groups: [String] = []
    var whole = amount / unit
    while whole >= 1000 {
      groups.insert(String(String(1000 + whole % 1000).dropFirst()), at: 0)
      whole /= 1000
    }
    groups.insert(String(whole), at: 0)
    let fraction = decimals == 0 ? "" : pattern.point + String(100 + amount % 100).dropFirst()
    return pattern.before + groups.joined(separator: pattern.group) + fraction + pattern.after
  }

  /// A date.
  func written(_ date: (year: Int, month: Int, day: Int)) -> String {
    func two(_ number: Int) -> String { String(String(100 + number).dropFirst()) }
    switch currency {
    case "USD": return "\(Vocabulary.months[date.month - 1]) \(date.day), \(date.year)"
    case "GBP": return "\(date.day) \(Vocabulary.months[date.month - 1]) \(date.year)"
    case "JPY": return "\(date.year)-\(two(date.month))-\(two(date.day))"
    default: return "\(two(date.day)).\(two(date.month)).\(date.year)"
    }
  }

  static let all = [
    InvoiceStyle(
      currency: "USD", decimals: 2, taxPerMille: 85, title: "INVOICE", from: "From", to: "Bill to",
      dateLabel: "Date",
      columns: ["Item", "Qty", "Unit price", "Amount"], subtotalLabel: "Subtotal", taxLabel: "Sales tax 8.5%",
      totalLabel: "Total due", pattern: AmountPattern(before: "$", after: "", group: ",", point: ".")),
    InvoiceStyle(
      currency: "EUR", decimals: 2, taxPerMille: 190, title: "RECHNUNG", from: "Von", to: "An",
      dateLabel: "Datum",
      columns: ["Bezeichnung", "Menge", "Einzelpreis", "Betrag"], subtotalLabel: "Zwischensumme",
      taxLabel: "MwSt. 19 %", totalLabel: "Gesamtbetrag",
      pattern: AmountPattern(before: "", after: " €", group: ".", point: ",")),
    InvoiceStyle(
      currency: "CHF", decimals: 2, taxPerMille: 81, title: "FACTURE", from: "De", to: "À", dateLabel: "Date",
      columns: ["Désignation", "Qté", "Prix", "Montant"], subtotalLabel: "Sous-total", taxLabel: "TVA 8.1 %",
      totalLabel: "Total", pattern: AmountPattern(before: "CHF ", after: "", group: "'", point: ".")),
    InvoiceStyle(
      currency: "JPY", decimals: 0, taxPerMille: 100, title: "INVOICE", from: "From", to: "To",
      dateLabel: "Date",
      columns: ["Description", "Qty", "Price", "Amount"], subtotalLabel: "Subtotal",
      taxLabel: "Consumption tax 10%",
      totalLabel: "Total", pattern: AmountPattern(before: "¥", after: "", group: ",", point: "")),
    InvoiceStyle(
      currency: "GBP", decimals: 2, taxPerMille: 200, title: "TAX INVOICE", from: "Supplier", to: "Customer",
      dateLabel: "Issued", columns: ["Goods", "Qty", "Each", "Sum"], subtotalLabel: "Net amount",
      taxLabel: "VAT 20%", totalLabel: "Total payable",
      pattern: AmountPattern(before: "£", after: "", group: " ", point: ".")),
  ]
}
