extension Snapshot {
  /// The latest checkpoint of a timeline: the one with the greatest id.
  /// - Returns: `nil` when nothing was saved to it.
  /// - Throws: `.invalidName`, `.decodingFailed` when the state is not a `State`, `.damagedRecord`,
  ///   `.storage`.
  public borrowing func load<State>(_ timeline: Timeline<State>) throws(StoreError) -> Checkpoint<State>? {
    try TimelineReader(timeline, in: source).latest()
  }

  /// One checkpoint of a timeline.
  /// - Returns: `nil` when the timeline has no checkpoint with this id.
  /// - Throws: `.invalidName`, `.decodingFailed` when the state is not a `State`, `.damagedRecord`,
  ///   `.storage`.
  public borrowing func load<State>(
    _ timeline: Timeline<State>, at id: CheckpointID
  ) throws(StoreError) -> Checkpoint<State>? {
    try TimelineReader(timeline, in: source).checkpoint(id)
  }

  /// A timeline's checkpoints without their states, the newest first. No state is read, however large.
  /// - Parameters:
  ///   - id: Only checkpoints before this one, which need not exist; `nil` for all.
  ///   - limit: At most so many; `nil` for all of them, which are in memory together.
  /// - Throws: `.invalidName`, `.invalidArgument` when the limit is negative, `.damagedRecord`, `.storage`.
  public borrowing func history<State>(
    of timeline: Timeline<State>, before id: CheckpointID? = nil, limit: Int? = nil
  ) throws(StoreError) -> [CheckpointInfo] {
    try TimelineReader(timeline, in: source).history(before: id, limit: limit)
  }

  /// A timeline's checkpoints with their states, the newest first.
  /// - Parameters:
  ///   - id: Only checkpoints before this one, which need not exist; `nil` for all.
  ///   - limit: At most so many; `nil` for all of them, which are in memory together.
  /// - Throws: `.invalidName`, `.invalidArgument` when the limit is negative, `.decodingFailed` when a state
  ///   is not a `State`, `.damagedRecord`, `.storage`.
  public borrowing func checkpoints<State>(
    of timeline: Timeline<State>, before id: CheckpointID? = nil, limit: Int? = nil
  ) throws(StoreError) -> [Checkpoint<State>] {
    try TimelineReader(timeline, in: source).checkpoints(before: id, limit: limit)
  }
}
