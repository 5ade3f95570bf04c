import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension StorageError {
  /// Whether the system said that nothing stands at the path.
  var isMissingFile: Bool { code == .inputOutput && systemError == ENOENT }
}
