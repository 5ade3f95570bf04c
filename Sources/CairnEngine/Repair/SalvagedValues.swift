import CairnKV

/// Reads large values out of whatever value file has them.
final class SalvagedValues {
  private let directory: StoreDirectory
  /// The files in which an origin's records may be, the likeliest first.
  private var places: [UInt64: [UInt64]]
  private var open: [(number: UInt64, reader: ValueFileReader)] = []

  private static let openLimit = 16

  /// - Parameter places: where the manifest says that the records of each origin are.
  init(_ directory: StoreDirectory, places: [UInt64: UInt64]) {
    self.directory = directory
    self.places = places.mapValues { [$0] }
  }

  /// Takes in all value files that are in the directory, by what they say of themselves.
  func take(found entries: [StoreDirectory.Entry]) throws(StorageError) {
    for case .values(let number) in entries {
      do throws(StorageError) {
        for origin in try reader(number).properties.origins {
          if places[origin.number]?.contains(number) == true { continue }
          places[origin.number, default: []].append(number)
        }
      } catch {
        // What was in it is missed, value by value.
        guard error.isDamage else { throw error }
      }
    }
  }

  /// The value that a handle stands for.
  /// - Throws: `.corruption` when no file has it undamaged.
  func read(_ handle: ValueHandle) throws(StorageError) -> [UInt8] {
    var failure = StorageError(
      .corruption, "no value file is known to have record \(handle.ordinal) of value file \(handle.origin)",
      file: directory.path(of: .values(handle.origin)))
    for number in places[handle.origin] ?? [] {
      do throws(StorageError) {
        return try reader(number).read(handle)
      } catch {
        guard error.isDamage else { throw error }
        failure = error
      }
    }
    throw failure
  }

  private func reader(_ number: UInt64) throws(StorageError) -> ValueFileReader {
    if let index = open.firstIndex(where: { $0.number == number }) {
      let found = open.remove(at: index)
      open.append(found)
      return found.reader
    }
    let reader = try ValueFileReader(file: try directory.open(.values(number), .read), fileNumber: number)
    if open.count >= Self.openLimit { open.removeFirst() }
    open.append((number, reader))
    return reader
  }
}
