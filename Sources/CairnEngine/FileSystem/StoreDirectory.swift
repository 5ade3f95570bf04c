import CairnKV

/// The names of a store's files. Normative in format-spec.md, "Files".
struct StoreDirectory: Sendable {
  let path: String
  let fileSystem: any FileSystem
  let events = EventHub()
  let counters = EngineCounters()
  let latch: FailureLatch

  /// - Parameter time: by which syncs are measured.
  init(path: String, fileSystem: any FileSystem, time: any TimeSource = SystemTimeSource()) {
    self.path = path
    self.fileSystem = fileSystem
    latch = FailureLatch(events: events, counters: counters, time: time)
  }

  static let lock = "LOCK"
  static let manifest = "MANIFEST"
  static let newManifest = "MANIFEST.new"
  static let backup = "BACKUP"

  /// A file that a store's directory may hold.
  enum Entry: Hashable {
    case lock
    case manifest
    case newManifest
    /// The directory is a backup, or one in the making.
    case backup
    case log(UInt64)
    /// A former log, or a file made to become one.
    case spare(UInt64)
    case segment(UInt64)
    case values(UInt64)
    /// Nothing of ours.
    case unknown

    init(name: String) {
      switch name {
      case StoreDirectory.lock: self = .lock
      case StoreDirectory.manifest: self = .manifest
      case StoreDirectory.newManifest: self = .newManifest
      case StoreDirectory.backup: self = .backup
      default:
        let parts = name.utf8.split(
          separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count >= 8, parts[0].allSatisfy({ (0x30...0x39).contains($0) }),
          let number = UInt64(String(Substring(parts[0]))), number > 0
        else {
          self = .unknown
          return
        }
        switch String(Substring(parts[1])) {
        case "log": self = .log(number)
        case "spare": self = .spare(number)
        case "segment": self = .segment(number)
        case "values": self = .values(number)
        default: self = .unknown
        }
        // Exactly one name for a number, so that no two files can claim to be the same one.
        if self.name != name { self = .unknown }
      }
    }

    var name: String {
      switch self {
      case .lock: StoreDirectory.lock
      case .manifest: StoreDirectory.manifest
      case .newManifest: StoreDirectory.newManifest
      case .backup: StoreDirectory.backup
      case .log(let number): Self.digits(number) + ".log"
      case .spare(let number): Self.digits(number) + ".spare"
      case .segment(let number): Self.digits(number) + ".segment"
      case .values(let number): Self.digits(number) + ".values"
      case .unknown: ""
      }
    }

    var number: UInt64? {
      switch self {
      case .log(let number), .spare(let number), .segment(let number), .values(let number): number
      case .lock, .manifest, .newManifest, .backup, .unknown: nil
      }
    }

    private static func digits(_ number: UInt64) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, 8 - text.utf8.count)) + text
    }
  }

  func path(of entry: Entry) -> String { path + "/" + entry.name }

  func open(_ entry: Entry, _ mode: FileOpenMode) throws(StorageError) -> any File {
    try fileSystem.openFile(path(of: entry), mode)
  }

  func rename(_ source: Entry, to destination: Entry) throws(StorageError) {
    try fileSystem.rename(path(of: source), to: path(of: destination))
  }

  func remove(_ entry: Entry) throws(StorageError) { try fileSystem.remove(path(of: entry)) }

  /// Makes the names in the directory durable.
  func synchronize() throws(StorageError) {
    try latch.synchronize { () throws(StorageError) in try fileSystem.synchronizeDirectory(path) }
  }

  /// Makes a file's content durable.
  func synchronize(_ file: any File) throws(StorageError) {
    try latch.synchronize { () throws(StorageError) in try file.synchronize() }
  }

  /// A path without the slashes that it ends with.
  static func trimmed(_ path: String) -> String {
    var path = path
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// The directory that a path, which does not end with a slash, is in.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// What the directory holds. Names that are none of ours are left alone and not listed.
  func entries() throws(StorageError) -> [Entry] {
    try fileSystem.list(path).map { Entry(name: $0) }.filter { $0 != .unknown }
  }
}
