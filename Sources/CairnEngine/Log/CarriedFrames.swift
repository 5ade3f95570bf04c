import CairnKV

/// Writes groups that were read from one log into another: many to a frame, since they were a page each where every
/// commit was synced. The numbers of ingests get frames between them.
struct CarriedFrames {
  private let log: FrameWriter
  private let buffer: FrameBuffer
  private var pending: (kind: FrameKind, firstSequence: UInt64, batchCount: UInt32)?

  /// A frame is ended at this size.
  private static let frameBytes = 1 << 20

  /// - Parameter buffer: the writer's own.
  init(to log: FrameWriter, _ buffer: FrameBuffer) {
    self.log = log
    self.buffer = buffer
    buffer.removeAll()
  }

  mutating func append(
    _ kind: FrameKind, firstSequence: UInt64, batchCount: UInt32, payload: UnsafeRawBufferPointer
  ) throws(StorageError) {
    if pending.map({ $0.kind != kind }) ?? false || buffer.payload.count >= Self.frameBytes { try finish() }
    if pending == nil { pending = (kind, firstSequence, 0) }
    buffer.append(payload)
    pending?.batchCount &+= batchCount
  }

  /// Writes what waits for more.
  mutating func finish() throws(StorageError) {
    guard let frame = pending else { return }
    pending = nil
    try log.append(frame.kind, firstSequence: frame.firstSequence, batchCount: frame.batchCount)
    buffer.removeAll()
  }
}
