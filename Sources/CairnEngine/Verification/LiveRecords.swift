/// Which of the records that the manifest says are live were met so far: a bit for each.
struct LiveRecords {
  let liveness: ValueLiveness
  private let ranges: [Range<UInt32>]
  /// How many live records come before each range.
  private let starts: [UInt32]
  private var met: [UInt64]
  private(set) var metCount: UInt32 = 0
  private(set) var metBytes: UInt64 = 0

  /// Takes an eighth of a byte for each live record: for a file that was found to be there, whose index
  /// takes 24.
  init(_ liveness: ValueLiveness) {
    self.liveness = liveness
    ranges = liveness.liveOrdinals.ranges
    var starts: [UInt32] = []
    var total: UInt32 = 0
    for range in ranges {
      starts.append(total)
      total += UInt32(range.count)
    }
    self.starts = starts
    met = Array(repeating: 0, count: (Int(total) + 63) / 64)
  }

  /// Notes that an entry refers to a record, which must be live.
  /// - Returns: whether it is the first that does.
  mutating func meet(_ handle: ValueHandle) -> Bool {
    guard let place = place(of: handle.ordinal) else { return false }
    let (word, bit) = (place / 64, UInt64(1) << UInt64(place % 64))
    guard met[word] & bit == 0 else { return false }
    met[word] |= bit
    metCount += 1
    metBytes &+= handle.storedBytes
    return true
  }

  /// The number of a live record among them.
  private func place(of ordinal: UInt32) -> Int? {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = low + (high - low) / 2
      if ranges[middle].upperBound <= ordinal { low = middle + 1 } else { high = middle }
    }
    guard low < ranges.count, ranges[low].contains(ordinal) else { return nil }
    return Int(starts[low] + (ordinal - ranges[low].lowerBound))
  }
}
