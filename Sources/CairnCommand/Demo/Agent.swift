import Cairn

/// The long-running work: reviews one document after the other, and records each review before it goes on.
///
/// One commit for each document: its event, and with every tenth the checkpoint of the state after it. So
/// whatever moment it's killed at, the store holds a whole number of reviews, and the last checkpoint with
/// the events after it is the state.
struct Agent {
  /// After how many documents a checkpoint is saved.
  static let checkpointInterval = 10
  /// The list of documents, as its one event.
  static let lists = Journal<DocumentList>("documents")
  /// The reviews: the version of an event is its document's number.
  static let reviews = Journal<ReviewEvent>("reviews")
  /// The checkpoints: the step of each is the number of documents recorded by then.
  static let checkpoints = Timeline<ReviewProgress>("review")

  /// Where the work stands.
  struct Standing {
    let list: DocumentList
    /// The state after the last recorded review.
    var progress = ReviewProgress()
    /// The checkpoint that the state was built from, and how many documents it had.
    var checkpoint: (id: CheckpointID, recorded: Int)?

    /// Whether every document has its review.
    var isComplete: Bool { progress.recorded == list.documents.count }
  }

  /// What the agent is about to do, or has done.
  enum Step {
    /// It takes up a document.
    case reviewing(Int, DocumentPath)
    /// It has the review, and commits it.
    case committing(Int)
    /// The review is on disk.
    case recorded(Int)
  }

  let store: Store

  /// Finds where the work stands: the last checkpoint, with the events after it. `nil` when it hasn't begun.
  func resume() async throws -> Standing? {
    let found = try await store.read { snapshot in
      (try snapshot.events(in: Self.lists, limit: 1).first?.event, try snapshot.load(Self.checkpoints))
    }
    guard let list = found.0 else { return nil }
    var standing = Standing(list: list)
    if let checkpoint = found.1 {
      guard (0...list.documents.count).contains(checkpoint.state.recorded) else {
        throw CommandFailure("checkpoint \(checkpoint.id) in the store is of more documents than there are")
      }
      standing.progress = checkpoint.state
      standing.checkpoint = (checkpoint.id, checkpoint.state.recorded)
    }
    try await store.forEachEvent(in: Self.reviews, after: standing.progress.recorded) { recorded in
      guard recorded.event.number == standing.progress.recorded + 1,
        recorded.event.number <= list.documents.count
      else {
        throw CommandFailure("the store's journal of reviews is out of order at event \(recorded.version)")
      }
      standing.progress.take(recorded.event)
    }
    return standing
  }

  /// Begins the work on these documents, by recording which they are.
  func begin(_ list: DocumentList) async throws -> Standing {
    _ = try await store.write { transaction in
      try transaction.append(list, to: Self.lists, expecting: .none)
    }
    return Standing(list: list)
  }

  /// Reviews what isn't reviewed yet.
  /// - Parameters:
  ///   - pace: What each document takes in addition: the time that a model would think.
  ///   - observe: Is told each step. What it throws ends the work there.
  /// - Returns: The state after the last document.
  func work(
    from standing: Standing, pace: Duration, observe: (Step) throws -> Void
  ) async throws -> ReviewProgress {
    let reader = DocumentReader(root: standing.list.folder.bytes)
    var progress = standing.progress
    for (index, document) in standing.list.documents.enumerated().dropFirst(progress.recorded) {
      let number = index + 1
      try observe(.reviewing(number, document))
      if pace > .zero { try await Task.sleep(for: pace) }
      let event = Self.review(document, number: number, by: reader, after: progress.earlier)
      progress.take(event)
      try observe(.committing(number))
      let state = progress
      try await store.write { transaction in
        try transaction.append(
          event, to: Self.reviews, expecting: .exactly(UInt64(index)), once: "document \(number)")
        if number % Self.checkpointInterval == 0 {
          try transaction.save(state, to: Self.checkpoints, step: number)
        }
      }
      try observe(.recorded(number))
    }
    return progress
  }

  /// The report, read from the store.
  func report(_ standing: Standing) async throws -> String {
    var report = Report(of: standing.list)
    try await store.forEachEvent(in: Self.reviews, after: 0) { report.add($0.event) }
    return report.text(standing.progress)
  }

  private static func review(
    _ document: DocumentPath, number: Int, by reader: DocumentReader, after earlier: NearDuplicates
  ) -> ReviewEvent {
    switch reader.read(document) {
    case .refused(let reason): ReviewEvent(number: number, document: document, outcome: .refused(reason))
    case .text(let text):
      ReviewEvent(number: number, document: document, outcome: .reviewed(Review(of: text, after: earlier)))
    }
  }
}

extension Store {
  /// Calls `body` with a journal's events after a version, in order, holding no more than a few hundred at a
  /// time.
  func forEachEvent<Event>(
    in journal: Journal<Event>, after version: Int, _ body: (Recorded<Event>) throws -> Void
  ) async throws {
    let pageSize = 256
    var next = UInt64(version) + 1
    while true {
      let page = try await read { try $0.events(in: journal, from: .version(next), limit: pageSize) }
      for event in page { try body(event) }
      guard page.count == pageSize, let last = page.last else { return }
      next = last.version + 1
    }
  }
}
