import CairnEngine
import CairnKV
import Testing

@testable import CairnTesting

/// What holds of the disk after any run of operations.
@Suite struct SimulatedDiskTests {
  /// A run of operations on a few files in the root that `seed` decides; errors are part of it.
  private func run(_ disk: SimulatedFileSystem, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var files: [any File] = []
    func name() -> String { "f\(random.below(5))" }
    for _ in 0..<120 {
      do throws(StorageError) {
        switch random.below(9) {
        case 0, 1: files.append(try disk.openFile(name(), random.chance(1, in: 2) ? .create : .readWrite))
        case 2: try disk.rename(name(), to: name())
        case 3: try disk.link(name(), to: name())
        case 4: try disk.remove(name())
        case 5: try disk.synchronizeDirectory("/")
        default:
          guard let file = files.randomElement(using: &random) else { continue }
          let (offset, size) = (UInt64(random.below(3000)), random.below(1500))
          switch random.below(4) {
          case 0: try file.truncate(to: offset)
          case 1: try file.synchronize()
          default:
            try file.writeBytes(Array(repeating: UInt8(1 + random.below(255)), count: size), at: offset)
          }
        }
      } catch { continue }
    }
  }

  @Test(arguments: UInt64(0)..<40) func everythingSynchronizedIsEverythingKept(seed: UInt64) throws {
    let disk = SimulatedFileSystem()
    run(disk, seed: seed)
    let whole = try disk.everything()
    for crashSeed in 0..<20 as Range<UInt64> {
      // A kill keeps all there is, and whatever is left after a power cut is a disk like any other.
      #expect(try disk.crash(.kill, seed: crashSeed).everything() == whole)
      let after = disk.crash(.strict, seed: crashSeed)
      run(after, seed: crashSeed)
      _ = try after.crash(.ordered, seed: crashSeed).everything()
    }
    for name in try disk.list("/") { try disk.openFile(name, .read).synchronize() }
    try disk.synchronizeDirectory("/")
    for model in CrashModel.allCases {
      for crashSeed in 0..<20 as Range<UInt64> {
        #expect(
          try disk.crash(model, seed: crashSeed).everything() == whole, "\(model), crash seed \(crashSeed)")
      }
    }
  }

  @Test func aFileThatCanNeverComeBackIsForgotten() throws {
    var disk = SimulatedDisk()
    let node = try disk.createFile("a")
    disk.retain(node)
    disk.synchronize(disk.root)
    try disk.remove("a")
    disk.release(node)
    // A crash may still bring it back.
    #expect(disk.durable.nodes[node] != nil)
    disk.synchronize(disk.root)
    #expect(disk.durable.nodes[node] == nil)
    #expect(disk.current.nodes[node] == nil)

    let open = try disk.createFile("b")
    disk.retain(open)
    try disk.remove("b")
    disk.synchronize(disk.root)
    #expect(disk.current.nodes[open] != nil)
    disk.release(open)
    #expect(disk.current.nodes[open] == nil)
    #expect(disk.pending.isEmpty)
  }
}
