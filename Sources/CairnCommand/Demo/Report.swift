/// The result of the work: a line for each document, and the sums. It depends on the documents alone, so that
/// it's the same, byte for byte, however often the work was interrupted.
struct Report {
  private var lines: [String] = []
  private var attention: [String] = []
  private let list: DocumentList
  private let numberWidth: Int

  init(of list: DocumentList) {
    self.list = list
    numberWidth = String(list.documents.count).count
  }

  /// Adds the next document.
  mutating func add(_ event: ReviewEvent) {
    let digits = String(event.number)
    let number = String(repeating: " ", count: max(0, numberWidth - digits.count)) + digits
    let name = event.document.escaped
    switch event.outcome {
    case .refused(let reason): lines.append("\(number)  \(name): not reviewed, \(reason)")
    case .reviewed(let review):
      lines.append("\(number)  \(name): " + Self.words(of: review).joined(separator: "; "))
      if let invoice = review.invoice, !invoice.findings.isEmpty {
        for finding in invoice.findings {
          attention.append("\(number)  \(name): \(finding.words(currency: invoice.currency))")
        }
      }
    }
  }

  /// The whole report, after the last document.
  func text(_ progress: ReviewProgress) -> String {
    var text = ["Review of \(counted(list.documents.count, "document"))", ""]
    if list.isCut {
      text += ["The folder has more: only the first \(DocumentFolder.limit) were listed.", ""]
    }
    text += lines
    if !lines.isEmpty { text.append("") }
    text += [
      "Reviewed \(progress.reviewed), not reviewed \(progress.refused).",
      "\(counted(progress.words, "word")) in \(counted(progress.bytes, "byte")).",
      progress.contents,
    ]
    for (currency, total) in progress.totals.sorted(by: { $0.key < $1.key }) {
      text.append("Stated totals in \(currency): \(plainAmount(total, currency: currency))")
    }
    if !attention.isEmpty { text += ["", "What does not add up:"] + attention }
    return text.joined(separator: "\n") + "\n"
  }

  private static func words(of review: Review) -> [String] {
    var parts = [
      counted(review.documentBytes, "byte"), counted(review.lines, "line"), counted(review.words, "word"),
    ]
    if review.reviewedBytes < review.documentBytes {
      parts.append("only the first \(review.reviewedBytes) bytes reviewed")
    }
    if review.isLatin1 { parts.append("not UTF-8, read as ISO 8859-1") }
    if let tenths = review.readabilityTenths {
      parts.append("readability \(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)")
    }
    if let date = review.firstDate {
      parts.append("dated \(date)" + (review.dates > 1 ? " and \(review.dates - 1) more" : ""))
    }
    if review.amounts > 0 { parts.append(counted(review.amounts, "amount")) }
    if let invoice = review.invoice {
      let verdict = invoice.findings.isEmpty ? "adds up" : "does not add up"
      parts.append(
        "\(counted(invoice.items, "line item")), "
          + "total \(plainAmount(invoice.total, currency: invoice.currency)) \(invoice.currency) \(verdict)")
    }
    if let match = review.nearDuplicate {
      parts.append("near-duplicate of \(match.number) (\(match.similarityPercent) % the same)")
    }
    return parts
  }
}

extension ReviewProgress {
  /// What was found, as a sentence.
  var contents: String {
    let wrong =
      invoices == 0 ? "" : ", of which \(wrongInvoices) \(wrongInvoices == 1 ? "does" : "do") not add up"
    return "\(counted(invoices, "invoice"))\(wrong); \(counted(self.nearDuplicates, "near-duplicate"))."
  }
}

extension InvoiceCheck.Finding {
  /// The finding as a sentence's end.
  func words(currency: String) -> String {
    func amounts(_ stated: Int, _ expected: Int) -> String {
      "\(plainAmount(stated, currency: currency)) stated, "
        + "\(plainAmount(expected, currency: currency)) \(currency) expected"
    }
    switch self {
    case .item(let line, let stated, let expected):
      return "the item in line \(line): \(amounts(stated, expected))"
    case .subtotal(let stated, let expected): return "the subtotal: \(amounts(stated, expected))"
    case .tax(let stated, let expected): return "the tax: \(amounts(stated, expected))"
    case .total(let stated, let expected): return "the total: \(amounts(stated, expected))"
    }
  }
}

/// `1 document`, `2 documents`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
