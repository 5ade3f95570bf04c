/// A checkpoint's number within its timeline: 1 for the first, and one more for each that follows.
///
/// Numbers are never used again, even when checkpoints are removed.
public struct CheckpointID: RawRepresentable, Hashable, Comparable, Sendable, Codable {
  /// The number, from 1.
  public let rawValue: UInt64

  /// The checkpoint with that number; whether there is one is known when it is used.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  public static func < (left: CheckpointID, right: CheckpointID) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension CheckpointID: CustomStringConvertible {
  public var description: String { String(rawValue) }
}

/// Everything about a checkpoint but its state.
public struct CheckpointInfo: Hashable, Sendable {
  /// The name of the timeline it is in.
  public let timeline: String
  /// Its number in the timeline.
  public let id: CheckpointID
  /// The checkpoint whose work it goes on from; `nil` for the first.
  public let parent: CheckpointID?
  /// How far the work was, as counted by whoever saved it.
  public let step: Int
  /// When it was saved, by the store's clock.
  public let time: Timestamp
  /// Short labels, to find and to choose checkpoints by.
  public let tags: [String: String]

  /// The metadata's deterministic CBOR; `nil` when there is none.
  let metadataBytes: [UInt8]?

  /// Whether something was saved as its metadata.
  public var hasMetadata: Bool { metadataBytes != nil }

  /// The metadata; `nil` when none was saved.
  /// - Throws: `StoreError.decodingFailed` when what was saved is not a `Metadata`.
  public func metadata<Metadata: Decodable>(
    as type: Metadata.Type = Metadata.self
  ) throws(StoreError) -> Metadata? {
    guard let metadataBytes else { return nil }
    return try PayloadCoding.decode(type, from: metadataBytes, of: .metadata(timeline: timeline, id))
  }
}

/// A state, with everything about the checkpoint that holds it.
public struct Checkpoint<State: Codable & Sendable>: Sendable {
  /// Everything but the state.
  public let info: CheckpointInfo
  /// The state.
  public let state: State

  /// Its number in the timeline.
  public var id: CheckpointID { info.id }
  /// The checkpoint whose work it goes on from; `nil` for the first.
  public var parent: CheckpointID? { info.parent }
  /// How far the work was, as counted by whoever saved it.
  public var step: Int { info.step }
  /// When it was saved, by the store's clock.
  public var time: Timestamp { info.time }
  /// Short labels, to find and to choose checkpoints by.
  public var tags: [String: String] { info.tags }
}

extension Checkpoint: Equatable where State: Equatable {}
extension Checkpoint: Hashable where State: Hashable {}
