// The error numbers that the simulation answers with: those of the system it runs on, so that they equal
// the real ones.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// An error number of the operating system.
struct ErrorNumber: Error, Hashable {
  var number: Int32

  static let badDescriptor = ErrorNumber(number: EBADF)
  static let directoryNotEmpty = ErrorNumber(number: ENOTEMPTY)
  static let exists = ErrorNumber(number: EEXIST)
  static let fileTooLarge = ErrorNumber(number: EFBIG)
  static let inputOutput = ErrorNumber(number: EIO)
  static let invalidArgument = ErrorNumber(number: EINVAL)
  static let isDirectory = ErrorNumber(number: EISDIR)
  static let noSpace = ErrorNumber(number: ENOSPC)
  static let noSuchFile = ErrorNumber(number: ENOENT)
  static let notADirectory = ErrorNumber(number: ENOTDIR)
  static let notPermitted = ErrorNumber(number: EPERM)
  static let tooManyOpenFiles = ErrorNumber(number: EMFILE)
  static let wouldBlock = ErrorNumber(number: EWOULDBLOCK)

  /// What ``remove`` says of a directory.
  static var removedDirectory: ErrorNumber {
    #if canImport(Darwin)
      .notPermitted
    #else
      .isDirectory
    #endif
  }

  /// What truncating a file that was opened for reading says.
  static let notWritable = ErrorNumber(number: EINVAL)

  /// The number in words.
  var text: String {
    switch number {
    case EBADF: "Bad file descriptor"
    case ENOTEMPTY: "Directory not empty"
    case EEXIST: "File exists"
    case EFBIG: "File too large"
    case EIO: "Input/output error"
    case EINVAL: "Invalid argument"
    case EISDIR: "Is a directory"
    case ENOSPC: "No space left on device"
    case ENOENT: "No such file or directory"
    case ENOTDIR: "Not a directory"
    case EPERM: "Operation not permitted"
    case EMFILE: "Too many open files"
    case EWOULDBLOCK: "Resource temporarily unavailable"
    default: "error \(number)"
    }
  }
}
