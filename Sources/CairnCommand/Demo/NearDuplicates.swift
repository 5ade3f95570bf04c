/// What is left of a document for telling whether a later one is nearly the same: a *bottom-k sketch*
/// (Broder 1997), the least hashes of the document's *shingles*, that is of each three words in a row.
///
/// The share of common shingles, the Jaccard index, is estimated from the least hashes of both documents
/// together: those are a fair sample of all shingles. With no more than ``size`` shingles it is exact.
struct DocumentSketch: Hashable, Sendable {
  /// How many hashes are kept. The estimate's standard error is at most 1/16 of the whole.
  static let size = 64

  /// The least hashes in ascending order, each once.
  let hashes: [UInt32]

  /// The sketch of a document with these words, given by their hashes, in order.
  init(wordHashes: [UInt64]) {
    var shingles: [UInt64] = []
    if wordHashes.count < 3 {
      if !wordHashes.isEmpty { shingles.append(Self.combine(wordHashes[...])) }
    } else {
      shingles.reserveCapacity(wordHashes.count - 2)
      for start in 0...(wordHashes.count - 3) {
        shingles.append(Self.combine(wordHashes[start..<(start + 3)]))
      }
    }
    shingles.sort()
    var least: [UInt32] = []
    for shingle in shingles {
      let hash = UInt32(truncatingIfNeeded: shingle &>> 32)
      if least.last != hash { least.append(hash) }
      if least.count == Self.size { break }
    }
    hashes = least
  }

  /// How much of both documents is the same, in per cent: 100 for the same words, 0 when either has none.
  func similarityPercent(to other: DocumentSketch) -> Int {
    var mine = hashes[...]
    var theirs = other.hashes[...]
    if mine.isEmpty || theirs.isEmpty { return 0 }
    var sampled = 0
    var common = 0
    while sampled < Self.size {
      guard let left = mine.first ?? theirs.first, let right = theirs.first ?? mine.first else { break }
      sampled += 1
      if left == right && !mine.isEmpty && !theirs.isEmpty { common += 1 }
      if left <= right && !mine.isEmpty { mine.removeFirst() }
      if right <= left && !theirs.isEmpty { theirs.removeFirst() }
    }
    return 100 * common / max(sampled, 1)
  }

  /// Mixes the hashes of the words of one shingle, so that their order counts.
  private static func combine(_ words: ArraySlice<UInt64>) -> UInt64 {
    var state: UInt64 = 0
    for word in words {
      var mixer = SeededGenerator(seed: state ^ word)
      state = mixer.next()
    }
    return state
  }
}

extension DocumentSketch: Codable {
  /// Eight hexadecimal digits for each hash: to decode one string is far quicker than sixty-four numbers.
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let digits = Array(try container.decode(String.self).utf8)
    hashes = stride(from: 0, to: digits.count, by: 8).compactMap { start in
      UInt32(String(decoding: digits[start..<min(start + 8, digits.count)], as: UTF8.self), radix: 16)
    }
    guard hashes.count * 8 == digits.count, hashes.count <= Self.size else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a document's sketch")
    }
  }

  func encode(to encoder: any Encoder) throws {
    let digits = Array("0123456789abcdef".utf8)
    let text = hashes.flatMap { hash in
      stride(from: 28, through: 0, by: -4).map { digits[Int(hash >> $0 & 15)] }
    }
    var container = encoder.singleValueContainer()
    try container.encode(String(decoding: text, as: UTF8.self))
  }
}

/// The documents that a new one is compared with.
///
/// Bounded: it remembers the last ``capacity`` documents, so that its size, and the checkpoint that holds it,
/// do not grow with the folder.
struct NearDuplicates: Codable, Hashable, Sendable {
  /// How many documents are remembered: 256, about 130 KB in a checkpoint.
  static let capacity = 256
  /// From which similarity on two documents count as nearly the same.
  static let thresholdPercent = 75

  /// An earlier document that is nearly the same.
  struct Match: Codable, Hashable, Sendable {
    /// The earlier document's number.
    let number: Int
    /// How much is the same, in per cent.
    let similarityPercent: Int
  }

  private struct Remembered: Codable, Hashable {
    let number: Int
    let sketch: DocumentSketch
  }

  private var remembered: [Remembered] = []

  /// The most similar remembered document, the earliest of equals, if it is similar enough.
  func match(_ sketch: DocumentSketch) -> Match? {
    var best: Match?
    for earlier in remembered {
      let similarity = sketch.similarityPercent(to: earlier.sketch)
      guard similarity >= Self.thresholdPercent, similarity > best?.similarityPercent ?? 0 else { continue }
      best = Match(number: earlier.number, similarityPercent: similarity)
    }
    return best
  }

  /// Remembers a document, and forgets the oldest when there are too many. One without words is not worth it.
  mutating func remember(_ sketch: DocumentSketch, number: Int) {
    guard !sketch.hashes.isEmpty else { return }
    if remembered.count >= Self.capacity { remembered.removeFirst() }
    remembered.append(Remembered(number: number, sketch: sketch))
  }
}
