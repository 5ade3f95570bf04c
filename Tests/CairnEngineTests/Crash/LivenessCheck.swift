// What the manifest says is live in value files, against what a walk through the whole tree finds.

import CairnKV

@testable import CairnEngine

enum LivenessCheck {
  /// What is wrong with the liveness in the manifest of a closed store: it must name exactly the records that
  /// some entry of some segment refers to, each in the file where it is, and no file without one.
  static func complaint(
    about state: VersionState, in directory: StoreDirectory
  ) throws(StorageError) -> String? {
    var handles: [ValueHandle] = []
    let cache = BlockCache(capacityBytes: 1 << 20)
    for properties in state.levels.joined() {
      let file = try directory.open(.segment(properties.fileNumber), .read)
      let reader = try SegmentReader(file: file, fileNumber: properties.fileNumber, cache: cache)
      var referenced: UInt64 = 0
      let cursor = reader.makeCursor()
      try cursor.seekToFirst()
      while cursor.isValid {
        if cursor.trailer.kind == .handle {
          guard let handle = ValueHandle(decoding: cursor.value) else { return "a handle does not decode" }
          handles.append(handle)
          referenced += handle.storedBytes
        }
        try cursor.next()
      }
      if referenced != properties.referencedBytes {
        return "segment \(properties.fileNumber) refers to \(referenced) bytes, not as it says"
      }
    }
    let names = Set(handles.map(\.name))
    if names.count != handles.count { return "two entries refer to one record" }
    let live = state.values.liveness.values.flatMap { liveness in
      liveness.liveOrdinals.ordinals.map { ValueName(origin: liveness.origin, ordinal: $0) }
    }
    let surplus = Set(live).subtracting(names)
    let lost = names.subtracting(live)
    if !surplus.isEmpty || !lost.isEmpty {
      return "live but not referred to: \(surplus); the reverse: \(lost)"
    }
    let liveBytes = state.values.liveness.values.reduce(0) { $0 + $1.liveBytes }
    if liveBytes != handles.reduce(0, { $0 + $1.storedBytes }) { return "\(liveBytes) live bytes are wrong" }
    for file in state.values.files.values where state.values.liveOrigins(of: file).isEmpty {
      return "value file \(file.fileNumber) is listed and holds nothing live"
    }
    for handle in handles {
      guard let place = state.values.places[handle.origin] else { return "\(handle) is in no file" }
      let reader = try ValueFileReader(file: try directory.open(.values(place), .read), fileNumber: place)
      if reader.properties != state.values.files[place] { return "value file \(place) is described wrongly" }
      if try reader.record(handle.name).handle != handle { return "\(handle) is not its record's" }
    }
    return nil
  }
}
