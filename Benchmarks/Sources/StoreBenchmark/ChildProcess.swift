import Foundation

/// c
enum ChildProcess {
  static let flag = "--child"
  static func serve(_ arguments: [String]) throws {}
}
