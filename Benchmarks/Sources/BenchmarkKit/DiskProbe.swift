import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the disk alone is worth at a moment: a page or a few written into a pre-written file and synced, again and
/// again.
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

  private static let fileBytes = 4 << 20
  private let descriptor: CInt
  private let bytes: [UInt8]
  private var next = 0

  /// Writes the probe's file, 4 MiB, in `folder`.
  /// - Parameter pageCount: How many pages of 4 KiB are written at a time: 1 to 1,024.
  public init(in folder: String, pageCount: Int = 1) throws {
    bytes = Array(repeating: 7, count: pageCount * 4096)
    descriptor = open(folder + "/probe-\(pageCount)", O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw Failure(call: "open", number: errno) }
    for _ in 0..<Self.fileBytes / bytes.count { try write() }
    guard fsync(descriptor) == 0 else { throw Failure(call: "fsync", number: errno) }
  }

  deinit { close(descriptor) }

  /// Writes with their syncs a second, measured for about `milliseconds`.
  public func rate(milliseconds: Int = 50) throws -> Double {
    let start = ContinuousClock.now
    let end = start + .milliseconds(milliseconds)
    var count = 0
    while ContinuousClock.now < end {
      try write()
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

  private func write() throws {
    let place = next % (Self.fileBytes / bytes.count) * bytes.count
    guard pwrite(descriptor, bytes, bytes.count, off_t(place)) == bytes.count else {
      throw Failure(call: "pwrite", number: errno)
    }
    next += 1
  }
}
