import Foundation

/// The folder that the generated invoices are written to.
struct InvoiceFolder {
  /// Always the same, so that the documents are.
  static let seed: UInt64 = 7

  let path: String

  /// Writes what isn't there yet; each document whole or not at all. What is there stays as it is, so one may
  /// edit it.
  /// - Throws: ``CommandFailure`` when the folder holds other things: it's somebody's, then.
  func write() throws(CommandFailure) {
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure() }
    let documents = InvoiceGenerator.documents(seed: Self.seed)
    let own = Set(documents.flatMap { [DocumentPath($0.name), DocumentPath(Self.temporary($0.name))] })
    if let other = try DocumentFolder(path: path).list().documents.first(where: { !own.contains($0) }) {
      throw CommandFailure(
        "the folder for the demo's documents, \(shown(path)), holds something else, \(other.escaped): "
          + "give another --store, or review it with --documents")
    }
    for document in documents {
      let target = "\(path)/\(document.name)"
      let temporary = "\(path)/\(Self.temporary(document.name))"
      if access(target, F_OK) == 0 {
        unlink(temporary)
        continue
      }
      let descriptor = retryingInterrupts {
        open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o666)
      }
      guard descriptor >= 0 else { throw failure() }
      let isWritten = writeAll(Array(document.text.utf8), to: descriptor)
      guard close(descriptor) == 0, isWritten, rename(temporary, target) == 0 else { throw failure() }
    }
  }

  private static func temporary(_ name: String) -> String { ".\(name).temporary" }

  private func failure() -> CommandFailure {
    CommandFailure("can't write the demo's documents to \(shown(path)): \(String(cString: strerror(errno)))")
  }
}
