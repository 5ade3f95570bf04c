/// What the agent found out about a document. The same document, at the same place after the same others,
/// always gives the same review.
struct Review: Codable, Hashable, Sendable {
  /// The document's size in bytes.
  var documentBytes: Int
  /// How many of these bytes were reviewed; fewer when the document is longer than
  /// ``DocumentReader/limitBytes``.
  var reviewedBytes: Int
  /// Whether the document isn't UTF-8 and was read as ISO 8859-1.
  var isLatin1: Bool
  /// Lines, the last one also without an end of line.
  var lines: Int
  /// Words: runs of letters and digits, with apostrophes and hyphens between them.
  var words: Int
  /// The Automated Readability Index (Smith and Senter 1967) in tenths; about the school year it takes to
  /// read it. `nil` without words.
  var readabilityTenths: Int?
  /// The first date, as `2024-03-05`, and how many there are.
  var firstDate: String?
  var dates: Int
  /// How many amounts of money there are.
  var amounts: Int
  /// Whether it adds up, if it is an invoice.
  var invoice: InvoiceCheck?
  /// What a later document is compared with.
  var sketch: DocumentSketch
  /// The earlier document that is nearly the same, if there is one.
  var nearDuplicate: NearDuplicates.Match?

  /// Reviews a document, knowing the earlier ones.
  init(of text: DocumentText, after earlier: NearDuplicates) {
    let scanner = NumberScanner(text: text.utf8)
    var invoiceReader = InvoiceReader()
    var dates: [String] = []
    var amounts = 0
    var lines = 0
    var rest = text.utf8[...]
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[min(line.endIndex + 1, rest.endIndex)...]
      lines += 1
      let content = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      guard content.contains(where: \.isDigit) else { continue }
      let numbers = scanner.numbers(in: content)
      invoiceReader.take(content, number: lines, numbers: numbers)
      amounts += numbers.count { $0.currency != nil }
      dates += DateScanner.dates(in: content)
    }
    let prose = WordCount(text.utf8)
    documentBytes = text.documentBytes
    reviewedBytes = text.readBytes
    isLatin1 = text.isLatin1
    self.lines = lines
    words = prose.wordHashes.count
    readabilityTenths = prose.readabilityTenths
    firstDate = dates.first
    self.dates = dates.count
    self.amounts = amounts
    invoice = invoiceReader.check()
    sketch = DocumentSketch(wordHashes: prose.wordHashes)
    nearDuplicate = earlier.match(sketch)
  }
}

/// The words and sentences of a text.
struct WordCount {
  /// A hash of each word, in order; case counts not.
  private(set) var wordHashes: [UInt64] = []
  private var characters = 0
  private var sentences = 0

  init(_ utf8: [UInt8]) {
    var hash = Self.hashSeed
    var isInWord = false
    var hasWordSinceStop = false
    for (index, byte) in utf8.enumerated() {
      // Every character beyond ASCII counts as a letter, once: by its first byte.
      if byte.isLetter || byte.isDigit || byte >= 0x80 {
        isInWord = true
        hasWordSinceStop = true
        hash = (hash ^ UInt64(byte.isLetter ? byte | 0x20 : byte)) &* 0x100_0000_01b3
        if byte & 0xc0 != 0x80 { characters += 1 }
        continue
      }
      if isInWord, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "-") { continue }
      if isInWord {
        wordHashes.append(hash)
        hash = Self.hashSeed
        isInWord = false
      }
      let isStop = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
      // The point of 1.50 ends no sentence.
      let isWithinNumber = index + 1 < utf8.count && utf8[index + 1].isDigit
      if isStop && hasWordSinceStop && !isWithinNumber {
        sentences += 1
        hasWordSinceStop = false
      }
    }
    if isInWord { wordHashes.append(hash) }
    if hasWordSinceStop { sentences += 1 }
  }

  /// 4.71 characters a word + 0.5 words a sentence - 21.43, in tenths, in whole numbers so that it's the same
  /// everywhere.
  var readabilityTenths: Int? {
    let words = wordHashes.count
    guard words > 0, sentences > 0 else { return nil }
    return (471 * characters / words + 50 * words / sentences - 2143) / 10
  }

  /// The offset basis of FNV-1a.
  private static let hashSeed: UInt64 = 0xcbf2_9ce4_8422_2325
}
