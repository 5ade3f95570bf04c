import CairnKV
import FuzzKit

@testable import CairnEngine

/// Checks that a refusal is one that damage may have.
/// - Parameter file: the path that it must name; `nil` where the parser knows of no file.
func demandRefusal(
  _ error: StorageError, naming file: String?, or others: Set<StorageError.Code> = []
) throws(FuzzFinding) -> FuzzOutcome {
  try demand(
    [.corruption, .unsupportedFormat].contains(error.code) || others.contains(error.code),
    "refused by \(error)")
  try demand(file == nil || error.file == file, "\(error) names the wrong file")
  return .rejected
}

extension [UInt8] {
  func fuzzNumber<Number: FixedWidthInteger>(at offset: Int, as _: Number.Type = Number.self) -> Number {
    withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
  }
}

/// Random keys and bytes for questions and inputs.
extension FuzzRandom {
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

  /// Short, from few bytes, so that equal keys and prefixes are common.
  mutating func key() -> [UInt8] {
    (0..<below(4)).map { _ in [0, 1, 0x61, 0x62, 0x63, 0x66, 0x6D, 0x78, 0xFF].any(using: &self) ?? 0 }
  }
}
