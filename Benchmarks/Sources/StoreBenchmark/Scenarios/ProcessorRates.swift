import BenchmarkKit
import CPhysicalLimit
import Foundation
import Peers

/// What one core makes of bytes: copying, checksumming, compressing.
final class ProcessorRates: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let text = Values(bytes: 1 << 20, count: 1)[0]

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.memoryBytes)
  }

  func prepare(_ contestant: Contestant, in folder: String) {}
  func finish() {}

  var cells: [ScenarioCell] {
    [
      cell("memcpy", "memcpy, 64 KiB") { [text] in
        var target = [UInt8](repeating: 0, count: 64 << 10)
        return try self.rate(bytes: 64 << 10) {
          target.withUnsafeMutableBytes { target in
            text.withUnsafeBytes {
              target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<(64 << 10)]))
            }
          }
          return true
        }
      },
      cell("crc32c", "CRC-32C, 64 KiB") { [text] in
        try self.rate(bytes: 64 << 10) {
          text.withUnsafeBytes { processor_checksum($0.baseAddress, 64 << 10) } != 1
        }
      },
      compression(4 << 10, "4k"), compression(1 << 20, "1m"),
      decompression(4 << 10, "4k"), decompression(1 << 20, "1m"),
    ]
  }

  private func cell(_ id: String, _ name: String, _ measure: @escaping () throws -> Double) -> ScenarioCell {
    ScenarioCell(
      rows: [Row(id, section: "The processor", name: name, unit: "MB/s")], contestants: [.processor],
      needsDisk: false
    ) { _, recorder in recorder.record(try measure(), id) }
  }

  private func compression(_ bytes: Int, _ size: String) -> ScenarioCell {
    cell("zstd-\(size)", "zstd level 1, \(size.uppercased())") { [text] in
      var target = [UInt8](repeating: 0, count: bytes * 2)
      return try self.rate(bytes: bytes) { processor_compress(&target, target.count, text, bytes) > 0 }
    }
  }

  private func decompression(_ bytes: Int, _ size: String) -> ScenarioCell {
    cell("unzstd-\(size)", "zstd decompression, \(size.uppercased())") { [text] in
      var packed = [UInt8](repeating: 0, count: bytes * 2)
      let count = processor_compress(&packed, packed.count, text, bytes)
      var target = [UInt8](repeating: 0, count: bytes)
      return try self.rate(bytes: bytes) { processor_decompress(&target, bytes, packed, count) == bytes }
    }
  }

  /// Megabytes a second.
  private func rate(bytes: Int, _ body: () -> Bool) throws -> Double {
    let start = ContinuousClock.now
    let end = start + .seconds(min(sizes.seconds, 0.1))
    var count = 0
    while ContinuousClock.now < end {
      guard body() else { throw StoreFailure("the processor's rate cannot be measured") }
      count += 1
    }
    return Double(count * bytes) / 1e6 / ((ContinuousClock.now - start) / .seconds(1))
  }
}
