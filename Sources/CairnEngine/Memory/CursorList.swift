/// The sources of a merge as they are found. The first one takes no array: a store that has settled often has no other.
struct CursorList {
  private var first: SourceCursor?
  private var others: [SourceCursor] = []

  mutating func add(_ source: SourceCursor) {
    if first == nil { first = source } else { others.append(source) }
  }

  /// All of them as one: the only one as it is.
  var merged: SourceCursor {
    guard let first else { return SourceCursor() }
    return others.isEmpty ? first : MergingCursor([first] + others)
  }
}
