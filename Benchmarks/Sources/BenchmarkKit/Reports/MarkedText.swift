import Foundation

/// A part of a text file between two marks, each on a line of its own, which a report writes or keeps.
public struct MarkedText: Sendable {
  /// Why a part cannot be replaced.
  public struct MissingMark: Error, CustomStringConvertible {
    /// The mark that is not there.
    public let mark: String
    /// What is missing.
    public var description: String { "there is no line “\(mark)”" }
  }

  /// The line before the part.
  public let begin: String
  /// The line behind it.
  public let end: String

  /// The marks `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
  public init(_ name: String) {
    begin = "<!-- \(name):begin -->"
    end = "<!-- \(name):end -->"
  }

  /// The part, without its marks and with its last newline; `nil` when a mark is missing.
  public func part(of text: String) -> String? {
    range(in: text).map { String(text[$0]) }
  }

  /// `text` with another part between the marks.
  /// - Throws: ``MissingMark``.
  public func replacing(in text: String, with part: String) throws -> String {
    guard let range = range(in: text) else {
      throw MissingMark(mark: text.contains(begin + "\n") ? end : begin)
    }
    return text[..<range.lowerBound] + part + text[range.upperBound...]
  }

  /// The marks with a part between them.
  public func wrapped(_ part: String) -> String { "\(begin)\n\(part)\(end)\n" }

  private func range(in text: String) -> Range<String.Index>? {
    guard let start = text.range(of: begin + "\n"), let stop = text[start.upperBound...].range(of: end) else {
      return nil
    }
    return start.upperBound..<stop.lowerBound
  }
}
