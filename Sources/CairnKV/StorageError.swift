/// What went wrong in storage: a stable code to act on, and a sentence for the person who reads it.
public struct StorageError: Error, Hashable, Sendable {
  /// What kind of failure it is. Codes are added, never changed in meaning: always handle a `default`.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    /// A transaction was run as often as allowed, and each time something that it had read changed. Nothing
    /// was written.
    case conflict
    /// Storage failed while the commit was under way: whether it is there is known after reopening.
    case outcomeUnknown
    /// An earlier write or sync failed. The store takes no more writes; reads of durable data go on. Reopen
    /// it.
    case storageFailed
    /// A file holds something that the store did not write, or lacks something that it did.
    case corruption
    /// The file's format is newer than this program, or unknown to it.
    case unsupportedFormat
    /// There is no space left. Nothing was lost.
    case full
    /// Another process, or another handle in this one, has the store open.
    case locked
    /// The store was closed.
    case closed
    /// The store was opened for reading only.
    case readOnly
    /// The key is longer than ``StorageLimits/keyBytes``.
    case keyTooLong
    /// The value is larger than ``StorageLimits/valueBytes``.
    case valueTooLarge
    /// The transaction is larger than the store allows.
    case transactionTooLarge
    /// The transaction or reader was used after its body had returned.
    case ended
    /// An argument makes no sense; the message says which and why.
    case invalidArgument
    /// The program contradicts itself: a defect of Cairn's. Nothing more is written.
    case internalInconsistency
    /// The operating system refused an operation; ``StorageError/systemError`` says why.
    case inputOutput
  }

  /// What kind of failure it is.
  public let code: Code
  /// What happened and what to do about it, in a sentence.
  public let message: String
  /// The file it happened in, where there is one.
  public let file: String?
  /// The byte offset in that file, where there is one.
  public let offset: UInt64?
  /// The operating system's error number, where it gave one.
  public let systemError: Int32?
  /// The process that holds the store, for `.locked`, where it is known.
  public let holder: Int32?

  /// An error with everything that is known about it.
  public init(
    _ code: Code, _ message: String, file: String? = nil, offset: UInt64? = nil, systemError: Int32? = nil,
    holder: Int32? = nil
  ) {
    self.code = code
    self.message = message
    self.file = file
    self.offset = offset
    self.systemError = systemError
    self.holder = holder
  }
}

extension StorageError: CustomStringConvertible {
  public var description: String {
    var text = "\(code.rawValue): \(message)"
    if let file { text += " [file \(file)" + (offset.map { ", offset \($0)" } ?? "") + "]" }
    if let holder { text += " (process \(holder))" }
    if let systemError { text += " (errno \(systemError))" }
    return text
  }
}
