/// Chooses the value files that are rewritten into one new file, without what is dead in them.
///
/// When less than a share of all files together is live, the sparsest come first, as many as are needed to get
/// back to it. (Not every file of which less than the share is live: most of what is in a young file that is half
/// dead dies soon, for nothing, and copying it would be for nothing. Where values are superseded at random the
/// sparsest files are a fifth live when all together are half live, and reclaiming costs a quarter of a byte
/// for each byte written instead of a whole one.) While the store is idle a greater share is asked for.
///
/// Then, so that the number of files stays bounded, files that hold little: as soon as there are eight of about
/// the same size, which together make one of at least eight times the size of the least. Merging all small files
/// at once, whatever their sizes, would copy the large among them again and again.
///
/// Applied again and again it comes to an end: the first kind leaves nothing dead in what it writes, and the
/// second leaves fewer files. Then at least the share of all is live, and of files with little in them there are
/// at most ``greatestSmallFileCount``. A file with nothing live is never chosen: it is removed.
struct ValueRewritePlanner: Hashable, Sendable {
  /// A physical file, as the planner sees it.
  struct Candidate: Hashable, Sendable {
    var fileNumber: UInt64
    /// What all records in the file take, dead or not; without the index, which every file has.
    var storedBytes: UInt64
    var liveBytes: UInt64
  }

  /// So much of all files together is to be live; from 0, where dead bytes do not matter, to 1.
  var leastLiveShare = 0.5
  /// The same while the store is idle.
  var leastIdleLiveShare = 0.6
  /// The files chosen have at most this many live bytes together. A sparse file with more goes alone.
  var outputBytes: UInt64 = 64 << 20

  /// How many files of a size are merged, and by what factor sizes differ.
  static let mergeCount = 8
  private static let mergeCountBits = 3
  /// A file with less than this share of the output holds little: 2 MiB, which is less than a flush of a store with
  /// little memory writes, so that large values are not all copied once more.
  static let smallShare: UInt64 = 32

  /// The numbers of the files to rewrite next, the most worthwhile first; empty when there is nothing to do.
  func pick(_ files: [Candidate], isIdle: Bool = false) -> [UInt64] {
    let sparse = pickSparse(files, share: isIdle ? max(leastLiveShare, leastIdleLiveShare) : leastLiveShare)
    return sparse.isEmpty ? pickSmall(files) : sparse
  }

  /// How many files with less than a share of the output in them are left when there is nothing to do.
  var greatestSmallFileCount: Int {
    let smallBytes = outputBytes / Self.smallShare
    guard smallBytes > 1 else { return 0 }
    return (Self.sizeClass(smallBytes - 1) + 1) * (Self.mergeCount - 1)
  }

  private func pickSparse(_ files: [Candidate], share: Double) -> [UInt64] {
    let held = files.filter { $0.liveBytes > 0 }
    let live = held.reduce(0) { $0 + Double($1.liveBytes) }
    var stored = held.reduce(0) { $0 + Double($1.storedBytes) }
    let sparse = held.filter { $0.liveBytes < $0.storedBytes && Self.liveShare($0) < share }
    let sorted = sparse.sorted {
      (Self.liveShare($0), $0.fileNumber) < (Self.liveShare($1), $1.fileNumber)
    }
    var result: [UInt64] = []
    var total: UInt64 = 0
    for file in sorted where live < share * stored {
      let (sum, overflow) = total.addingReportingOverflow(file.liveBytes)
      // A later one may still fit.
      guard result.isEmpty || (!overflow && sum <= outputBytes) else { continue }
      result.append(file.fileNumber)
      total = sum
      stored -= Double(file.storedBytes - file.liveBytes)
    }
    return result
  }

  private func pickSmall(_ files: [Candidate]) -> [UInt64] {
    let small = files.filter { $0.liveBytes > 0 && $0.liveBytes < outputBytes / Self.smallShare }
    let classes = Dictionary(grouping: small) { Self.sizeClass($0.liveBytes) }
    let full = classes.filter { $0.value.count >= Self.mergeCount }
    guard let (_, members) = full.min(by: { $0.key < $1.key }) else { return [] }
    let sorted = members.sorted { ($0.liveBytes, $0.fileNumber) < ($1.liveBytes, $1.fileNumber) }
    return sorted.prefix(Self.mergeCount).map(\.fileNumber)
  }

  private static func liveShare(_ file: Candidate) -> Double {
    Double(file.liveBytes) / Double(file.storedBytes)
  }

  /// 0 for 1 to 7 bytes, 1 for 8 to 63, and so on by eights.
  private static func sizeClass(_ bytes: UInt64) -> Int {
    (UInt64.bitWidth - 1 - bytes.leadingZeroBitCount) / mergeCountBits
  }
}
