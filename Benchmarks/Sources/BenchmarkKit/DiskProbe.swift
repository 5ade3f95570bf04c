import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the disk alone is worth at a moment: one page written into a pre-written file and synced, again and again.
///
/// Made once a run, and asked between the cells: ``Results/isNoisy(_:row:)`` judges by it.
public final class DiskProbe {
  /// Why there is no probe.
  public struct Failure: Error {
    /// The call that failed.
    public let call: String
    /// The system's error number.
    public let number: Int32
  }

  private static let pageBytes = 4096
  private static let pages = 1024
  private let descriptor: CInt
  private var page: [UInt8] = Array(repeating: 7, count: pageBytes)
  private var next = 0

  /// Writes the probe's file, 4 MiB, in `folder`.
  public init(in folder: String) throws {
    descriptor = open(folder + "/probe", O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw Failure(call: "open", number: errno) }
    for _ in 0..<Self.pages { try writePage() }
    guard fsync(descriptor) == 0 else { throw Failure(call: "fsync", number: errno) }
  }

  deinit { close(descriptor) }

  /// Pages written and synced a second, measured for about `milliseconds`.
  public func rate(milliseconds: Int = 50) throws -> Double {
    let start = ContinuousClock.now
    let end = start + .milliseconds(milliseconds)
    var count = 0
    while ContinuousClock.now < end {
      try writePage()
      guard synchronize() == 0 else { throw Failure(call: "fdatasync", number: errno) }
      count += 1
    }
    return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
  }

  private func synchronize() -> CInt {
    #if canImport(Glibc)
      fdatasync(descriptor)
    #else
      fsync(descriptor)
    #endif
  }

  private func writePage() throws {
    let written = pwrite(descriptor, page, Self.pageBytes, off_t(next % Self.pages * Self.pageBytes))
    guard written == Self.pageBytes else { throw Failure(call: "pwrite", number: errno) }
    next += 1
  }
}
