import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The machine that a run was made on: what a reader needs to judge its figures.
public struct Machine: Codable, Sendable, Hashable {
  /// "AMD EPYC 9R14".
  public var processor: String
  /// How many cores the process may use.
  public var cores: Int
  /// The memory, in bytes.
  public var memoryBytes: UInt64
  /// "Debian GNU/Linux 12 (bookworm)".
  public var system: String
  /// "Linux 6.1.0-30-cloud-amd64".
  public var kernel: String
  /// The file system below the scratch folder, with its device and options: "ext4 on /dev/vda, rw,relatime".
  public var fileSystem: String
  /// "Swift version 6.3.1".
  public var compiler: String

  /// Describes a machine.
  public init(
    processor: String, cores: Int, memoryBytes: UInt64, system: String, kernel: String, fileSystem: String,
    compiler: String
  ) {
    self.processor = processor
    self.cores = cores
    self.memoryBytes = memoryBytes
    self.system = system
    self.kernel = kernel
    self.fileSystem = fileSystem
    self.compiler = compiler
  }

  /// This machine, with the file system that `folder` is on.
  public static func current(folder: String) -> Machine {
    let information = ProcessInfo.processInfo
    return Machine(
      processor: processorName() ?? "unknown processor", cores: information.activeProcessorCount,
      memoryBytes: information.physicalMemory,
      system: systemName() ?? information.operatingSystemVersionString,
      kernel: kernelName(), fileSystem: fileSystem(of: folder), compiler: compilerVersion())
  }

  private static func processorName() -> String? {
    value(of: "model name", in: "/proc/cpuinfo", separator: ":")
  }

  private static func systemName() -> String? {
    value(of: "PRETTY_NAME", in: "/etc/os-release", separator: "=")
  }

  /// The value of the first line `key separator value` of a file.
  private static func value(of key: String, in path: String, separator: Character) -> String? {
    guard let text = SystemText.read(path) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      guard let index = line.firstIndex(of: separator) else { continue }
      return line[line.index(after: index)...].trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
    }
    return nil
  }

  private static func kernelName() -> String {
    var name = utsname()
    guard uname(&name) == 0 else { return "unknown kernel" }
    return text(of: name.sysname) + " " + text(of: name.release)
  }

  /// The text in a C array, up to its first zero.
  private static func text(of array: some Any) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The mount that holds a folder is the one with the longest path that the folder's begins with.
  private static func fileSystem(of folder: String) -> String {
    let path = URL(filePath: folder).resolvingSymlinksInPath().path(percentEncoded: false)
    guard let mounts = SystemText.read("/proc/self/mounts") else {
      return "unknown file system"
    }
    var best: [Substring] = []
    for mount in mounts.split(separator: "\n") {
      let fields = mount.split(separator: " ")
      guard fields.count >= 4 else { continue }
      let point = fields[1] == "/" ? "" : String(fields[1])
      guard path == point || path.hasPrefix(point + "/") else { continue }
      if best.isEmpty || fields[1].count >= best[1].count { best = fields }
    }
    return best.isEmpty ? "unknown file system" : "\(best[2]) on \(best[0]), \(best[3])"
  }

  /// What `swift --version` says first. The one that is found need not be the one that built this, but `make bench`
  /// builds and runs in one go.
  static func compilerVersion() -> String {
    let output = try? Command.output("swift", ["--version"])
    let line = output?.split(separator: "\n").first { $0.contains("Swift version") }
    guard let line, let range = line.range(of: "Swift version ") else { return "unknown compiler" }
    return "Swift " + line[range.upperBound...].prefix { $0 != " " }
  }
}
