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

  static let accessDenied = ErrorNumber(number: EACCES)
  static let badDescriptor = ErrorNumber(number: EBADF)
  static let directoryNotEmpty = ErrorNumber(number: ENOTEMPTY)
  static let exists = ErrorNumber(number: EEXIST)
  static let fileTooLarge = ErrorNumber(number: EFBIG)
  static let inputOutput = ErrorNumber(number: EIO)
  static let invalidArgument = ErrorNumber(number: EINVAL)
  static let isDirectory = ErrorNumber(number: EISDIR)
  static let noLocks = ErrorNumber(number: ENOLCK)
  static let noSpace = ErrorNumber(number: ENOSPC)
  static let noSuchFile = ErrorNumber(number: ENOENT)
  static let notADirectory = ErrorNumber(number: ENOTDIR)
  static let notPermitted = ErrorNumber(number: EPERM)
  static let quotaExceeded = ErrorNumber(number: EDQUOT)
  static let readOnlyFileSystem = ErrorNumber(number: EROFS)
  static let tooManyOpenFilesInSystem = ErrorNumber(number: ENFILE)
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
    case EACCES: "Permission denied"
    case EBADF: "Bad file descriptor"
    case ENOTEMPTY: "Directory not empty"
    case EEXIST: "File exists"
    case EFBIG: "File too large"
    case EIO: "Input/output error"
    case EINVAL: "Invalid argument"
    case EISDIR: "Is a directory"
    case EDQUOT: "Disk quota exceeded"
    case EROFS: "Read-only file system"
    case ENFILE: "Too many open files in system"
    case ENOLCK: "No locks available"
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
