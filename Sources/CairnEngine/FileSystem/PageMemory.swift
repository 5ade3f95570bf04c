// Large pieces of memory, straight from the system.
//
// Invariant: `address` is the start of `count` bytes that were mapped, or allocated where `isMapped` is false, by
// this value's initialiser and by nobody else; they are given back once, by `free()`, which its one owner calls
// last of all. An owner may hand it on to another thread.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Memory that the system has back as soon as it is freed.
///
/// What goes through the allocator it keeps, in one pool for each few threads, and memtables are filled by one
/// thread and freed by another: a process that writes large values grew to twice what it held. Small pieces
/// still come from the allocator: a mapping costs some microseconds. Aligned to 4 KiB.
struct PageMemory: @unchecked Sendable {
  let address: UnsafeMutableRawPointer
  let count: Int
  private let isMapped: Bool

  private static let leastMappedBytes = 64 << 10
  private static let pageBytes = 4096

  init(byteCount: Int) {
    count = byteCount
    if byteCount >= Self.leastMappedBytes, let mapped = Self.map(byteCount) {
      address = mapped
      isMapped = true
    } else {
      address = .allocate(byteCount: byteCount, alignment: Self.pageBytes)
      isMapped = false
    }
  }

  /// Gives the memory back. Nothing may use it afterwards.
  func free() {
    // It fails only for an address that is none of ours.
    if isMapped { _ = munmap(address, count) } else { address.deallocate() }
  }

  private static func map(_ count: Int) -> UnsafeMutableRawPointer? {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    let address = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
    return address == UnsafeMutableRawPointer(bitPattern: -1) ? nil : address
  }
}
