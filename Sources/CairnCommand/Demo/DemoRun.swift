import Cairn
import Foundation

/// One run of the demo: from wherever the work stands to its end, with what a person wants to know about it.
struct DemoRun {
  let documents: String?
  let storePath: String
  let report: String?
  let pace: Duration
  /// Whether to print each step for a process that watches, instead of words for a person.
  let acknowledges: Bool
  let console: Console

  func run() async throws {
    if acknowledges { console.line(StepLine.started.text) }
    let reportFile = try report.map { path throws(CommandFailure) in try ReportFile(path: path) }
    // Looked at first: a wrong path must not leave a store behind.
    let given = try documents.map { path throws(CommandFailure) in try DocumentFolder(path: path) }
    if let given, let place = FileIdentity(path: storePath), place == FileIdentity(path: given.root) {
      throw CommandFailure(
        "--store and --documents are the same folder, \(shown(storePath)): give the store its own")
    }
    let store = try await Store.open(storePath)
    do {
      try await work(in: store, given, reportFile)
    } catch {
      try? await store.close()
      throw error
    }
    try await store.close()
  }

  private func work(in store: Store, _ given: DocumentFolder?, _ reportFile: ReportFile?) async throws {
    let agent = Agent(store: store)
    let found = try await agent.resume()
    let folder = try excludingOwnFiles(given ?? generated(isNew: found == nil), reportFile)
    let standing: Agent.Standing
    if let found {
      try check(found.list, isOf: folder)
      standing = found
    } else {
      let (paths, isCut) = folder.list()
      standing = try await agent.begin(
        DocumentList(folder: DocumentPath(bytes: folder.root), documents: paths, isCut: isCut))
    }
    if acknowledges { console.line(StepLine.opened(standing.progress.recorded).text) }
    say(introduction(standing, isNew: found == nil))

    let done = try await agent.work(from: standing, pace: pace) { step in show(step, standing) }
    if console.isTerminal && !acknowledges { console.clearProgress() }
    var finished = standing
    finished.progress = done

    let violations = await InvariantCheck(acknowledged: done.recorded, begun: done.recorded).violations(
      in: store)
    if let violation = violations.first {
      throw CommandFailure("\(violation.invariant.sentence): not so. \(violation.detail)")
    }
    if let reportFile { try reportFile.write(try await agent.report(finished)) }
    say(conclusion(finished, recordedNow: done.recorded - standing.progress.recorded, reportFile))
    // Again, now that the report is there.
    say(additions(to: standing.list, in: excludingOwnFiles(folder, reportFile)))
  }

  // MARK: Documents

  /// The folder of the generated documents, beside the store. Written when the work begins and they aren't
  /// there.
  private func generated(isNew: Bool) throws -> DocumentFolder {
    let path = URL(fileURLWithPath: storePath).standardizedFileURL.path + "-documents"
    if isNew { try InvoiceFolder(path: path).write() }
    return try DocumentFolder(path: path)
  }

  private func excludingOwnFiles(_ folder: DocumentFolder, _ reportFile: ReportFile?) -> DocumentFolder {
    var folder = folder
    let own = [storePath] + (reportFile.map { [$0.path, $0.temporaryPath] } ?? [])
    folder.excluded = Set(own.compactMap { FileIdentity(path: $0) })
    return folder
  }

  private func check(_ list: DocumentList, isOf folder: DocumentFolder) throws(CommandFailure) {
    guard list.folder.bytes != folder.root else { return }
    throw CommandFailure(
      "the store \(shown(storePath)) holds the review of the folder \(list.folder.escaped), not of "
        + "\(DocumentPath(bytes: folder.root).escaped): give that --documents, or another --store")
  }

  // MARK: Words

  private func say(_ lines: [String]) {
    guard !acknowledges else { return }
    for line in lines { console.line(line) }
  }

  private func introduction(_ standing: Agent.Standing, isNew: Bool) -> [String] {
    let count = standing.list.documents.count
    var lines = [
      "\(counted(count, "document")) in \(standing.list.folder.escaped), the store in \(shown(storePath))"
    ]
    if standing.list.isCut { lines.append("The folder has more: only \(DocumentFolder.limit) are taken.") }
    let recorded = standing.progress.recorded
    if standing.isComplete {
      lines.append(
        isNew ? "There is nothing to review." : "All were reviewed in an earlier run: nothing is done again.")
    } else if isNew {
      lines.append(
        "Each review is recorded before the next begins; every tenth commit holds a checkpoint as well.")
    } else {
      let next = standing.list.documents[recorded]
      let base =
        standing.checkpoint.map { "checkpoint \($0.id), of \($0.recorded) documents" }
        ?? "the beginning, as there is no checkpoint yet"
      let since = recorded - (standing.checkpoint?.recorded ?? 0)
      lines.append(
        "Resumes at document \(recorded + 1) (\(next.escaped)), from \(base), "
          + "and \(counted(since, "review")) recorded since."
      )
    }
    if !standing.isComplete {
      lines.append("Kill it at any moment, kill -9 \(getpid()), and run the same command again.")
    }
    return lines
  }

  private func conclusion(_ standing: Agent.Standing, recordedNow: Int, _ reportFile: ReportFile?) -> [String]
  {
    let progress = standing.progress
    let earlier = progress.recorded - recordedNow
    var lines = [
      "Done: \(counted(progress.recorded, "document")), \(earlier) recorded in earlier runs "
        + "and \(recordedNow) in this one; \(progress.refused) could not be reviewed.",
      progress.contents,
      "Checked in the store: each document recorded once and in order, each tenth with its checkpoint "
        + "in the same commit, each checkpoint the sum of the reviews before it.",
    ]
    if let reportFile {
      lines.append(
        "The report is in \(shown(reportFile.path)); it is the same, byte for byte, "
          + "however often the work was killed."
      )
    } else {
      lines.append("See what was found: run it again with --report report.txt")
    }
    return lines
  }

  /// Which documents are in the folder now but not in the list.
  private func additions(to list: DocumentList, in folder: DocumentFolder) -> [String] {
    let known = Set(list.documents)
    let added = folder.list().documents.filter { !known.contains($0) }
    guard !added.isEmpty, !list.isCut else { return [] }
    let names = added.prefix(5).map(\.escaped).joined(separator: ", ")
    let more = added.count > 5 ? " and \(added.count - 5) more" : ""
    return [
      "Not reviewed, because they were added after the first run: \(names)\(more). A new --store takes them."
    ]
  }

  private func show(_ step: Agent.Step, _ standing: Agent.Standing) {
    if acknowledges {
      switch step {
      case .reviewing: break
      case .committing(let number): console.line(StepLine.committing(number).text)
      case .recorded(let number): console.line(StepLine.recorded(number).text)
      }
      return
    }
    let count = standing.list.documents.count
    switch step {
    case .reviewing(let number, let document) where console.isTerminal:
      console.progress(done: number - 1, of: count, name: document.escaped)
    case .recorded(let number) where !console.isTerminal && number % Agent.checkpointInterval == 0:
      console.line("\(number) of \(count) recorded, checkpoint \(number / Agent.checkpointInterval) saved")
    default: break
    }
  }
}
