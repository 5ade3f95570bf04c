import Foundation

/// The numbers of the last acknowledged commits, lane by lane, in a small file beside the store: what a
/// killed process had acknowledged, its supervisor and its successor can read.
///
/// Each number is written with one call, which the end of the process can't undo. That is all it is for: it's
/// never synced, and says nothing after a power cut.
final class Acknowledgements: Sendable {
  private let descriptor: Int32
  private let lanes: Int

  /// Opens the file at `path`, or makes it.
  init(path: String, lanes: Int) throws(CommandFailure) {
    self.lanes = lanes
    descriptor = retryingInterrupts { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw Self.failure(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size > 0 || ftruncate(descriptor, off_t(8 * lanes)) == 0
    else { throw Self.failure(path) }
  }

  deinit { close(descriptor) }

  /// Says that the lane's commits up to `number` are acknowledged.
  func acknowledge(_ number: UInt64, lane: Int) throws(CommandFailure) {
    let count = withUnsafeBytes(of: number.littleEndian) { bytes in
      retryingInterrupts { pwrite(descriptor, bytes.baseAddress, 8, off_t(8 * lane)) }
    }
    guard count == 8 else { throw Self.failure("the acknowledgements") }
  }

  /// The last acknowledged commit of each lane.
  func read() throws(CommandFailure) -> [UInt64] {
    var numbers = [UInt64](repeating: 0, count: lanes)
    let count = numbers.withUnsafeMutableBytes { bytes in
      retryingInterrupts { pread(descriptor, bytes.baseAddress, bytes.count, 0) }
    }
    guard count == 8 * lanes else { throw Self.failure("the acknowledgements") }
    return numbers.map { UInt64(littleEndian: $0) }
  }

  private static func failure(_ path: String) -> CommandFailure {
    CommandFailure("can't keep what was acknowledged in \(shown(path)): \(String(cString: strerror(errno)))")
  }
}
