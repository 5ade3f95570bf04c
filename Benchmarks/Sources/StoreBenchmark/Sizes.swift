/// How much of everything. All constants of the workloads stand here.
struct Sizes: Sendable {
  /// How long a cell is measured that is measured by time.
  var seconds: Double
  var rounds: Int
  /// How long the disk is probed before and after a cell.
  var probeMilliseconds: Int
  /// How many quarters of a second, in all, the disk is given to recover from what was written.
  var greatestPauses: Int

  /// The default of Cairn: for all rows but those that say otherwise.
  var memoryBytes: Int
  /// For durable commits: less, so that logs change within a cell as they do in a store that is written for long.
  var durableMemoryBytes: Int
  /// What is written to each store before durable commits are measured, so that logs have been rotated, and recycled
  /// where the engine does that.
  var ageingBytes: Int
  /// The most that a cell of checkpoints writes, since a virtual disk allows only so much at a time.
  var checkpointBytes: Int

  /// Entries of a bulk load in batches, and one by one.
  var loadedKeys: Int
  var singlyLoadedKeys: Int

  /// Keys of the store that is read, the memory that holds all of them, and the memory that holds a quarter.
  var readKeys: Int
  var ampleMemoryBytes: Int
  var scarceMemoryBytes: Int

  var prefixes: Int
  var entriesPerPrefix: Int

  var reopenedCommits: Int
  /// Of the store with very many.
  var segments: Int
  var keysBesideWriter: Int
  var ycsbRecords: Int
  var removalKeys: Int
  /// How long Cairn is left alone after a removal, for what a quiet store gives back.
  var quietSeconds: Int
  /// The stores whose growth is looked at.
  var scalingKeys: [Int]

  static let keyBytes = 16
  static let valueBytes = 112
  static let durableValueBytes = 256
  static let blobBytes = [("4k", 4 << 10), ("64k", 64 << 10), ("1m", 1 << 20)]
  static let batchEntries = 1000
  static let rangeEntries = 50
  static let fillingPasses = 16
  static let ycsbValueBytes = 1000
  static let ycsbThreads = 2
  static let reopenedValueBytes = 230
  static let removalValueBytes = 1000
  static let tasks = 1000
  /// The whole process, program and libraries included, is to stay within twice this.
  static let scalingMemoryBytes = 32 << 20

  static let standard = Sizes(
    seconds: 0.6, rounds: 5, probeMilliseconds: 10, greatestPauses: 400, memoryBytes: 256 << 20,
    durableMemoryBytes: 64 << 20, ageingBytes: 28 << 20,
    checkpointBytes: 48 << 20,
    loadedKeys: 1_000_000, singlyLoadedKeys: 100_000,
    readKeys: 2_000_000, ampleMemoryBytes: 1 << 30, scarceMemoryBytes: 64 << 20,
    prefixes: 10_000, entriesPerPrefix: 100, reopenedCommits: 165_000, segments: 10_000,
    keysBesideWriter: 200_000,
    ycsbRecords: 200_000, removalKeys: 200_000, quietSeconds: 12,
    scalingKeys: [100_000, 1_000_000, 10_000_000])

  /// Enough to see that everything runs; too little to be quoted.
  static let quick = Sizes(
    seconds: 0.08, rounds: 1, probeMilliseconds: 4, greatestPauses: 8, memoryBytes: 32 << 20,
    durableMemoryBytes: 16 << 20, ageingBytes: 7 << 20,
    checkpointBytes: 8 << 20,
    loadedKeys: 50_000, singlyLoadedKeys: 10_000,
    readKeys: 100_000, ampleMemoryBytes: 128 << 20, scarceMemoryBytes: 8 << 20,
    prefixes: 500, entriesPerPrefix: 100, reopenedCommits: 20_000, segments: 200, keysBesideWriter: 20_000,
    ycsbRecords: 10_000, removalKeys: 20_000, quietSeconds: 0,
    scalingKeys: [10_000, 100_000])
}
