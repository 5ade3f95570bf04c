public import CairnKV

/// Has the system begin to write a growing file to the disk piece by piece, so that the sync at its end finds
/// little left to do, and so that the log's syncs do not queue behind tens of megabytes handed over at once.
///
/// What fails is an error of the file all the same, see ``File/startWriteback(at:count:)``: whoever writes it
/// throws it away whole, before anything relies on it. The latch is not tripped, since nothing that was to be
/// durable is lost; a sync that is told of the same failure later would have to trip it.
struct Writeback {
  /// Up to here writing has been begun.
  private var begun: UInt64 = 0

  private static let stepBytes: UInt64 = 1 << 20

  init() {}

  /// Notes that the file is written up to `end`.
  mutating func advance(to end: UInt64, in file: any File) throws(StorageError) {
    guard end >= begun + Self.stepBytes else { return }
    try file.startWriteback(at: begun, count: end - begun)
    begun = end
  }
}

extension File {
  /// Nothing: the system begins when it pleases.
  public func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {}
}
