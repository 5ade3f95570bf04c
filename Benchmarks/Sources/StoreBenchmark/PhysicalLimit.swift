import CPhysicalLimit
import Foundation
import Peers

/// Durable commits without a store.
final class PhysicalLimit: @unchecked Sendable {
  // `write` is for one thread, `commit` for many: the C code has its own lock.
  private let handle: OpaquePointer

  init(_ path: String, _ limit: Contestant.LimitPath, bytes: Int) throws {
    guard let opened = physical_limit_open(path, limit.kind, bytes) else {
      throw StoreFailure("limit \(limit.rawValue): \(String(cString: strerror(errno)))")
    }
    handle = opened
  }

  deinit { physical_limit_close(handle) }

  func write(_ bytes: [UInt8]) throws { try check(physical_limit_write(handle, bytes, bytes.count)) }
  func commit(_ bytes: [UInt8]) throws { try check(physical_limit_commit(handle, bytes, bytes.count)) }

  private func check(_ status: Int32) throws {
    guard status == 0 else { throw StoreFailure("limit: \(String(cString: strerror(status)))") }
  }
}
