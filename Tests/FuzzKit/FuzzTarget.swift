/// A parser, with valid inputs and a way to change them.
///
/// The property of every execution: a value, or an error of the type that the parser promises, which names the file
/// where there is one. Nothing traps, nothing goes on for ever, and what is accepted is consistent.
package protocol FuzzTarget: Sendable {
  /// What it is called on a command line.
  static var name: String { get }
  /// How many of a thousand executions, over all targets, are its.
  static var share: Int { get }
  /// Makes the valid inputs, with the real encoders.
  init() throws
  /// Makes one changed input, and parses it.
  /// - Throws: ``FuzzFinding``, or any other error, where the property does not hold.
  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome
}

package enum FuzzOutcome: Sendable {
  case accepted
  case rejected
}

/// The property does not hold.
package struct FuzzFinding: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// Throws what was found unless `isTrue`.
@inline(__always)
package func demand(_ isTrue: Bool, _ what: @autoclosure () -> String) throws(FuzzFinding) {
  if !isTrue { throw FuzzFinding(what()) }
}
