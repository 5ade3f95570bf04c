import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Why a file cannot have a second name where it is wanted, so that it has to be copied.
enum LinkRefusal {
  /// The file has as many names as it may have.
  case thisFile
  /// The directory is on another file system, or on one that has no links, or nobody may make them.
  case everyFile

  /// `nil` when the error says something else.
  init?(_ error: StorageError) {
    switch error.systemError {
    case EMLINK: self = .thisFile
    case EXDEV, EPERM, EACCES, ENOTSUP, EOPNOTSUPP, ENOSYS: self = .everyFile
    default: return nil
    }
  }
}
