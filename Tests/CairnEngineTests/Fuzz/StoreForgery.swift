import CairnKV
import CairnTesting
import FuzzKit

@testable import CairnEngine

/// The handmade store with some of its files changed, and given checksums, lengths and places in the manifest that fit.
struct StoreForgery: Sendable {
  private let files: [String: [UInt8]]
  private let edit: VersionEdit
  private let manifest: FrameFileImage
  private let logs: [String: FrameFileImage]
  private let segments: [UInt64: SegmentImage]
  private let values: ValueFileImage

  init() throws {
    let store = try HandmadeStore()
    let files = try store.allFiles()
    func bytes(_ name: String) throws -> [UInt8] {
      guard let bytes = files[name] else { throw FuzzFinding("there is no \(name)") }
      return bytes
    }
    self.files = files
    edit = store.edit
    manifest = FrameFileImage(try bytes("MANIFEST"))
    logs = try Dictionary(
      uniqueKeysWithValues: ["00000008.log", "00000009.log"].map { ($0, FrameFileImage(try bytes($0))) })
    segments = try Dictionary(
      uniqueKeysWithValues: [2, 3, 4, 5].map { number in
        (number, try SegmentImage(bytes(StoreDirectory.Entry.segment(number).name), number: number))
      })
    values = try ValueFileImage(bytes("00000001.values"), number: 1)
  }

  func files(_ random: inout FuzzRandom) -> [String: [UInt8]] {
    var result = files
    var edit = edit
    for _ in 0..<(random.chance(3, in: 4) ? 1 : 2) {
      switch random.below(10) {
      case 0, 1: changeLog(&result, using: &random)
      case 2, 3: changeValues(&result, &edit, using: &random)
      case 4, 5, 6: changeSegment(&result, &edit, using: &random)
      default: change(&edit, using: &random)
      }
    }
    var manifest = manifest
    if edit != self.edit, !manifest.frames.isEmpty { manifest.frames[0].payload = edit.encoded() }
    if random.chance(1, in: 6) {
      manifest.change(with: logs["00000008.log"] ?? manifest, using: &random)
    }
    result["MANIFEST"] = manifest.encoded()
    if random.chance(1, in: 32), let name = result.keys.sorted().any(using: &random), var bytes = result[name]
    {
      Mutation.change(&bytes, using: &random)
      result[name] = bytes
    }
    return result
  }

  private func changeLog(_ files: inout [String: [UInt8]], using random: inout FuzzRandom) {
    guard let name = logs.keys.sorted().any(using: &random), var log = logs[name] else { return }
    for _ in 0...random.below(2) { log.change(with: logs["00000009.log"] ?? log, using: &random) }
    files[name] = log.encoded(isSigned: !random.chance(1, in: 32))
  }

  private func changeValues(
    _ files: inout [String: [UInt8]], _ edit: inout VersionEdit, using random: inout FuzzRandom
  ) {
    var values = values
    for _ in 0...random.below(2) { values.change(with: values, using: &random) }
    let bytes = values.encoded()
    files["00000001.values"] = bytes
    guard random.chance(3, in: 4), let reader = try? ValueFileReader(bytes, fileNumber: 1) else { return }
    edit.addedValueFiles = [reader.properties]
    // Liveness that fits mostly, of records that need not be those that are referred to.
    if random.chance(3, in: 4) {
      edit.addedOrigins = reader.properties.origins.compactMap {
        ValueLiveness(origin: $0.number, recordCount: $0.recordCount, storedBytes: $0.storedBytes)
      }
    }
  }

  private func changeSegment(
    _ files: inout [String: [UInt8]], _ edit: inout VersionEdit, using random: inout FuzzRandom
  ) {
    guard let number = segments.keys.sorted().any(using: &random), var segment = segments[number],
      let other = segments[UInt64(2 + random.below(4))]
    else { return }
    for _ in 0...random.below(3) { segment.change(with: other, using: &random) }
    let bytes = segment.encoded()
    files[StoreDirectory.Entry.segment(number).name] = bytes
    guard random.chance(7, in: 8), let payload = segment.parts[.properties]?.payload else { return }
    for index in edit.addedSegments.indices where edit.addedSegments[index].properties.fileNumber == number {
      let base = edit.addedSegments[index].properties.sequenceBase
      let properties = payload.withUnsafeBytes {
        SegmentProperties($0, fileBytes: UInt64(bytes.count), sequenceBase: base)
      }
      if let properties { edit.addedSegments[index].properties = properties }
    }
  }

  /// A number of the manifest, or a whole field.
  private func change(_ edit: inout VersionEdit, using random: inout FuzzRandom) {
    let edge = Mutation.edge(near: 33, using: &random)
    switch random.below(9) {
    case 0: edit.lastSequence = edge
    case 1: edit.nextFileNumber = edge
    case 2: edit.logEnd = .init(number: random.chance(3, in: 4) ? 9 : edge, offset: edge, checksum: 7)
    case 3: Mutation.rearrange(&edit.addedSegments, using: &random)
    case 4: Mutation.rearrange(&edit.addedLogs, with: [edge], using: &random)
    case 5:
      if let segment = edit.addedSegments.indices.any(using: &random) {
        edit.addedSegments[segment].level = random.below(7)
      }
    case 6:
      if let segment = edit.addedSegments.indices.any(using: &random) {
        edit.addedSegments[segment].properties.fileBytes = edge
      }
    case 7:
      guard let segment = edit.addedSegments.indices.any(using: &random) else { return }
      // Numbers that are summed up somewhere.
      switch random.below(5) {
      case 0: edit.addedSegments[segment].properties.rawKeyBytes = edge
      case 1: edit.addedSegments[segment].properties.rawValueBytes = edge
      case 2: edit.addedSegments[segment].properties.referencedBytes = edge
      case 3: edit.addedSegments[segment].properties.valueCount = edge
      default: edit.addedSegments[segment].properties.tombstoneCount = edge
      }
    default:
      guard let file = edit.addedValueFiles.indices.any(using: &random) else { return }
      edit.addedValueFiles[file].rawBytes = edge
      if random.chance(1, in: 2) {
        edit.addedValueFiles[file].origins.append(
          .init(number: edge, recordCount: 1, storedBytes: Mutation.edge(near: 99, using: &random)))
      }
    }
  }
}
