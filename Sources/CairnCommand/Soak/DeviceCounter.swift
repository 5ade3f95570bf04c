import Foundation

/// What the block device below a directory has written since the machine started, as far as the system says.
struct DeviceCounter {
  /// Bytes; `nil` where it can't be known: not on Linux, in a container, on a file system without a device.
  static func writtenBytes(below path: String) -> UInt64? {
    #if os(Linux)
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      let device = UInt64(status.st_dev)
      let major = (device >> 8 & 0xfff) | (device >> 32 & ~0xfff)
      let minor = (device & 0xff) | (device >> 12 & ~0xff)
      guard let data = FileManager.default.contents(atPath: "/sys/dev/block/\(major):\(minor)/stat") else {
        return nil
      }
      return writtenBytes(statistics: String(decoding: data, as: UTF8.self))
    #else
      return nil
    #endif
  }

  /// The seventh number is that of sectors written, of 512 bytes whatever the device's own are.
  static func writtenBytes(statistics: String) -> UInt64? {
    let words = statistics.split(whereSeparator: \.isWhitespace)
    guard words.count >= 7, let sectors = UInt64(words[6]) else { return nil }
    return sectors.multipliedReportingOverflow(by: 512).partialValue
  }
}
