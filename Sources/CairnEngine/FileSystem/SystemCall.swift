// One way to call the system: a call that was interrupted is made again, and a failure becomes a
// StorageError that says what was tried, on which path, and why it was refused.

import CairnKV
import CairnShims

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

enum SystemCall {
  /// Makes `call` until it is not interrupted.
  /// - Throws: what the system said when `call` returned -1.
  @inline(__always)
  static func run<Value: FixedWidthInteger & SignedInteger>(
    _ operation: StaticString, _ path: String, _ call: () -> Value
  ) throws(StorageError) -> Value {
    while true {
      let value = call()
      if value != -1 { return value }
      let number = errno
      if number != EINTR { throw failure(number, operation, path) }
    }
  }

  /// As ``run(_:_:_:)`` for a call that takes a path. A path with a zero byte in it, which C would cut
  /// short and so name some other file, is refused.
  static func run(
    _ operation: StaticString, path: String, _ call: (UnsafePointer<CChar>) -> Int32
  ) throws(StorageError) -> Int32 {
    if path.utf8.contains(0) { throw failure(EINVAL, operation, path) }
    while true {
      let (value, number) = path.withCString { pointer in
        let value = call(pointer)
        return (value, errno)
      }
      if value != -1 { return value }
      if number != EINTR { throw failure(number, operation, path) }
    }
  }

  /// The error for a system call that failed with the error number `number`.
  @inline(never)
  static func failure(_ number: Int32, _ operation: StaticString, _ path: String) -> StorageError {
    let isFull = number == ENOSPC || number == EDQUOT
    return StorageError(
      isFull ? .full : .inputOutput, "cannot \(operation) \"\(path)\": \(description(of: number))",
      file: path,
      systemError: number)
  }

  /// The system's text for an error number.
  static func description(of number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress else { return "error \(number)" }
      cairn_describe_error(number, base, buffer.count)
      return String(cString: base)
    }
  }

  /// Closes a descriptor. Never retried: after EINTR Linux has closed it already, and the number may be in
  /// use again.
  static func close(_ descriptor: Int32, _ path: String) throws(StorageError) {
    #if canImport(Darwin)
      let result = Darwin.close(descriptor)
    #else
      let result = Glibc.close(descriptor)
    #endif
    let number = errno
    if result != 0, number != EINTR { throw failure(number, "close", path) }
  }

  /// Closes a descriptor where nobody is there to hear of a failure, or another failure is on its way
  /// already.
  static func closeSilently(_ descriptor: Int32) {
    #if canImport(Darwin)
      _ = Darwin.close(descriptor)
    #else
      _ = Glibc.close(descriptor)
    #endif
  }
}
