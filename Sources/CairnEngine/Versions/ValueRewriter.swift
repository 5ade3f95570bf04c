import CairnKV
import Synchronization

/// Copies what is live of sparse value files into one new file, under the same names. The tree is not
/// touched.
final class ValueRewriter: Sendable {
  private let tree: Tree
  private let random: any RandomSource
  private let planner: ValueRewritePlanner
  /// Files that cannot be read: nobody knows what is in them, so they stay as they are.
  private let damaged = Mutex<Set<UInt64>>([])

  init(tree: Tree, random: any RandomSource, planner: ValueRewritePlanner = ValueRewritePlanner()) {
    self.tree = tree
    self.random = random
    self.planner = planner
  }

  /// - Parameter isIdle: nothing was written for a while, so that space is worth more than writing.
  /// - Returns: whether there was something to rewrite. Only from one thread at a time.
  func rewriteOnce(isIdle: Bool = false) throws(StorageError) -> Bool {
    // Keeps the files that are read from being removed meanwhile.
    let version = tree.state.version
    let excluded = damaged.withLock { $0 }
    let candidates = version.values.files.values.filter { !excluded.contains($0.fileNumber) }.map { file in
      ValueRewritePlanner.Candidate(
        fileNumber: file.fileNumber, storedBytes: file.storedBytes,
        liveBytes: version.values.liveBytes(of: file))
    }
    let chosen = planner.pick(candidates, isIdle: isIdle)
    if chosen.isEmpty { return false }
    let number = tree.allocateFileNumber()
    do throws(StorageError) {
      let properties = try write(number, chosen, version)
      if try !tree.replaceValueFiles(chosen, with: properties) { try? tree.directory.remove(.values(number)) }
    } catch {
      // Once the edit may be in the manifest, a sync has failed and only the next opening knows.
      if tree.directory.latch.refusal == nil { try? tree.directory.remove(.values(number)) }
      throw error
    }
    return true
  }

  /// A new file with what is live of others, durable with its name.
  private func write(
    _ number: UInt64, _ chosen: [UInt64], _ version: Version
  ) throws(StorageError) -> ValueFileProperties {
    let file = try tree.directory.open(.values(number), .create)
    let builder = ValueFileBuilder(
      file: file, fileNumber: number, salt: random.next(), options: ValueFileOptions())
    let sources = chosen.compactMap { version.valueFiles[$0] }
    let origins = sources.flatMap { source in
      version.values.liveOrigins(of: source.properties).map { (liveness: $0, source: source) }
    }
    for (liveness, source) in origins.sorted(by: { $0.liveness.origin < $1.liveness.origin }) {
      do throws(StorageError) {
        let reader = try source.reader()
        for ordinal in liveness.liveOrdinals.ordinals {
          _ = try builder.carry(ValueName(origin: liveness.origin, ordinal: ordinal), from: reader)
        }
      } catch {
        if error.code == .corruption { damaged.withLock { _ = $0.insert(source.properties.fileNumber) } }
        throw error
      }
    }
    let properties = try builder.finish()
    try tree.directory.synchronize(file)
    try file.close()
    try tree.directory.synchronize()
    return properties
  }
}
