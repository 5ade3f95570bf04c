// With its checksums put right a changed store is refused only for what the page says must be checked.

import CairnKV
import Foundation
import Testing

@testable import CairnEngine

@Suite(.enabled(if: SecondReader.isHere, "\(SecondReader.absence)"))
struct ForgedStoreTests {
  /// Whatever the engine refuses the second reader refuses: else the page lacks a check. What both take holds the
  /// same. (The second reader refuses more: it reads every byte, and what the engine need not look at.)
  @Test(arguments: FixtureStore.all) func forgedStoresAreJudgedAsTheEngineJudgesThem(
    fixture: FixtureStore
  ) throws {
    let scratch = try ScratchFolder()
    defer { withExtendedLifetime(scratch) {} }
    let count = 30
    let (status, output) = try SecondReader.run([
      "--forge", "\(count)", "--seed", "1", "--into", scratch.url.path(percentEncoded: false),
      fixture.store.path(percentEncoded: false),
    ])
    #expect(status == 0, "\(output)")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path(percentEncoded: false))
    #expect(names.count == count)
    let folders = names.sorted().map { scratch.url.appending(path: $0) }
    for (folder, answer) in zip(folders, try SecondReader.read(folders)) {
      let comment: Comment = "\(fixture.name), \(folder.lastPathComponent): \(answer.lines.last ?? "")"
      do {
        let lines = try StateDump.lines(of: StoreImage(at: folder))
        if !answer.isRefused { #expect(answer.difference(from: lines) == nil, comment) }
      } catch let error as StorageError {
        #expect(answer.isRefused, "\(comment): \(error)")
      }
    }
  }
}
