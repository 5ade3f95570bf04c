/// What the agent records of one document: its review, or why it isn't reviewed.
struct ReviewEvent: Codable, Hashable, Sendable {
  /// What became of the document.
  enum Outcome: Codable, Hashable, Sendable {
    case reviewed(Review)
    case refused(String)
  }

  /// The document's number in the list, from 1; also the event's version in the journal.
  let number: Int
  /// The document.
  let document: DocumentPath
  /// What became of it.
  let outcome: Outcome
}

/// What the agent knows after some documents: the state that checkpoints hold.
///
/// It is the *fold* of the events so far and of nothing else: from any checkpoint, with the events after it,
/// the same state comes out.
struct ReviewProgress: Codable, Hashable, Sendable {
  /// How many documents have their event.
  private(set) var recorded = 0
  /// How many of them were reviewed, and what was in these.
  private(set) var reviewed = 0
  private(set) var words = 0
  private(set) var bytes = 0
  private(set) var nearDuplicates = 0
  /// Invoices, and those that don't add up.
  private(set) var invoices = 0
  private(set) var wrongInvoices = 0
  /// The sum of the invoices' totals by currency, in thousandths.
  private(set) var totals: [String: Int] = [:]
  /// What the next document is compared with.
  private(set) var earlier = NearDuplicates()

  /// How many documents were refused.
  var refused: Int { recorded &- reviewed }

  /// Adds the next event. The sums stay far below their type's limit, with at most 10^5 documents of 1 MiB
  /// and 10^12 thousandths; they wrap because a state read from a store may hold anything.
  mutating func take(_ event: ReviewEvent) {
    recorded &+= 1
    guard case .reviewed(let review) = event.outcome else { return }
    reviewed &+= 1
    words &+= review.words
    bytes &+= review.reviewedBytes
    if review.nearDuplicate != nil { nearDuplicates &+= 1 }
    if let invoice = review.invoice {
      invoices &+= 1
      if !invoice.findings.isEmpty { wrongInvoices &+= 1 }
      totals[invoice.currency, default: 0] &+= invoice.total
    }
    earlier.remember(review.sketch, number: event.number)
  }
}

/// Which documents are to be reviewed: recorded once, before the first review, so that a resumed run works on
/// the same list.
struct DocumentList: Codable, Hashable, Sendable {
  /// The folder, as an absolute path.
  let folder: DocumentPath
  /// The documents, in order.
  let documents: [DocumentPath]
  /// Whether the folder has more than ``DocumentFolder/limit``.
  let isCut: Bool
}
