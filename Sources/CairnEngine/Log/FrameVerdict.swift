/// What a reader finds at the offset where the next frame of a file should begin.
enum FrameCondition: String, CaseIterable {
  /// A frame of this file, in its place, complete, chained to the one before.
  case valid
  /// The file ends here.
  case endOfFile
  /// No frame header of this life of the file: zeros, what the file held before it was recycled, or damage.
  case foreign
  /// A frame header of this file whose payload does not fit in the file.
  case incomplete
  /// A frame header of this file whose payload fails its checksum.
  case damagedPayload
  /// A whole frame header of this file that says it belongs at another offset.
  case misplaced
  /// A whole frame in its place that does not name the frame before it as its predecessor.
  case unchained
  /// A whole frame that says what no writer says (a mark past itself, a sequence number that goes back).
  case malformed
}

/// What is known about the file beyond the offset in question.
enum FrameEvidence: String, CaseIterable {
  /// Nothing: no later frame claims that this offset was synced.
  case none
  /// A later frame's durable-through mark lies past this offset: what stood here had been synced.
  case marked
  /// The file was ended by its successor, at an offset further on: what stood here had been synced.
  case beforeEnd
  /// The file was ended by its successor right here.
  case atEnd
}

/// What follows from both.
enum FrameVerdict: String {
  /// Take the frame and go on behind it.
  case take
  /// The content ends here. What stands here was never acknowledged as durable: drop it, without a word.
  case end
  /// Acknowledged bytes are missing or changed: say so, and go no further.
  case damaged

  /// The whole decision, as one table. Normative in format-spec.md, "The verdict".
  ///
  /// `foreign`, `incomplete`, `damagedPayload` and `endOfFile` are what a power cut leaves of a frame whose
  /// sync had not returned, and `unchained` what it leaves of one behind a frame that is lost
  /// without a trace; evidence tells it from damage. A whole header in this file's salt can only have
  /// been written by this file's writer at the place that it names: so `misplaced` and `malformed` are no
  /// result of any crash.
  static func of(_ condition: FrameCondition, _ evidence: FrameEvidence) -> FrameVerdict {
    switch (condition, evidence) {
    case (_, .atEnd): .end
    case (.valid, .none), (.valid, .marked), (.valid, .beforeEnd): .take
    case (.endOfFile, .none), (.foreign, .none), (.unchained, .none), (.incomplete, .none),
      (.damagedPayload, .none):
      .end
    case (.endOfFile, _), (.foreign, _), (.unchained, _), (.incomplete, _), (.damagedPayload, _): .damaged
    case (.misplaced, _), (.malformed, _): .damaged
    }
  }
}
