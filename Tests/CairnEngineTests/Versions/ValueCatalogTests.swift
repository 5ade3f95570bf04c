import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct ValueCatalogTests {
  private static func properties(
    _ number: UInt64, _ origins: [(UInt64, UInt32, UInt64)]
  ) -> ValueFileProperties {
    var properties = ValueFileProperties(fileNumber: number)
    properties.origins = origins.map { .init(number: $0.0, recordCount: $0.1, storedBytes: $0.2) }
    return properties
  }

  private static func drops(_ origin: UInt64, _ ordinals: [UInt32], bytes: UInt64 = 100) throws -> ValueDrops
  {
    try #require(
      ValueDrops(
        origin: origin,
        ordinals.map { ValueHandle(origin: origin, ordinal: $0, rawBytes: bytes - 12, storedBytes: bytes) }))
  }

  private static func edit(_ change: (inout VersionEdit) throws -> Void) rethrows -> VersionEdit {
    var edit = VersionEdit()
    try change(&edit)
    return edit
  }

  /// Two files as flushes write them: 5 with four records, 7 with two, each of 100 bytes.
  private static func base() throws -> VersionState {
    var state = VersionState(storeIdentity: [UInt8](repeating: 1, count: 16))
    for file in [properties(5, [(5, 4, 400)]), properties(7, [(7, 2, 200)])] {
      let isApplied = try state.apply(
        edit {
          $0.addedValueFiles = [file]
          $0.addedOrigins = [try #require(ValueLiveness(file))]
        })
      #expect(isApplied)
    }
    return state
  }

  private static func roundTrip(_ state: VersionState) throws {
    let bytes = state.snapshotEdit().encoded()
    let decoded = try #require(bytes.withUnsafeBytes { VersionEdit(decoding: $0) })
    #expect(decoded == state.snapshotEdit())
    var again = VersionState(storeIdentity: state.storeIdentity)
    let isApplied = again.apply(decoded)
    #expect(isApplied)
    #expect(again == state)
  }

  @Test func aLifeOfRecords() throws {
    var state = try Self.base()
    try Self.roundTrip(state)
    var isApplied = try state.apply(Self.edit { $0.valueDrops = [try Self.drops(5, [0, 2])] })
    #expect(isApplied)
    #expect(state.values.liveness[5]?.liveBytes == 200)
    try Self.roundTrip(state)
    // Rewritten while another record of it dies.
    isApplied = try state.apply(Self.edit { $0.valueDrops = [try Self.drops(5, [1])] })
    #expect(isApplied)
    let rewritten = Self.properties(9, [(5, 2, 200), (7, 2, 200)])
    isApplied = state.apply(
      Self.edit {
        $0.removedValueFiles = [5, 7]
        $0.addedValueFiles = [rewritten]
      })
    #expect(isApplied)
    #expect(state.values.places == [5: 9, 7: 9])
    #expect(state.values.liveBytes(of: rewritten) == 300)
    try Self.roundTrip(state)
    // An origin with nothing live is forgotten, a file with no origin too.
    isApplied = try state.apply(Self.edit { $0.valueDrops = [try Self.drops(7, [0, 1])] })
    #expect(isApplied)
    #expect(state.values.liveness[7] == nil)
    #expect(state.values.files.count == 1)
    try Self.roundTrip(state)
    isApplied = try state.apply(Self.edit { $0.valueDrops = [try Self.drops(5, [3])] })
    #expect(isApplied)
    #expect(state.values == ValueCatalog())
    try Self.roundTrip(state)
  }

  @Test func whatContradictsIsRefused() throws {
    let all = try #require(ValueLiveness(origin: 5, recordCount: 4, storedBytes: 400))
    let newOrigin = try #require(ValueLiveness(origin: 8, recordCount: 1, storedBytes: 100))
    var dead = newOrigin
    let isDropped = dead.drop(try Self.drops(8, [0]))
    #expect(isDropped)
    let moved = Self.properties(9, [(5, 4, 400)])
    let edits = try [
      // Records that are not there, are dead by then, or take other room than is left.
      Self.edit { $0.valueDrops = [try Self.drops(5, [4])] },
      Self.edit { $0.valueDrops = [try Self.drops(6, [0])] },
      Self.edit { $0.valueDrops = [try Self.drops(5, [0]), try Self.drops(5, [0])] },
      Self.edit { $0.valueDrops = [try Self.drops(7, [0, 1]), try Self.drops(7, [0])] },
      Self.edit { $0.valueDrops = [try Self.drops(5, [0], bytes: 401)] },
      // Files that are listed, or not.
      Self.edit { $0.removedValueFiles = [6] },
      Self.edit { $0.removedValueFiles = [5] },
      Self.edit {
        $0.removedValueFiles = [5, 5]
        $0.addedValueFiles = [moved]
      },
      Self.edit { $0.addedValueFiles = [Self.properties(5, [(5, 4, 400)])] },
      // Origins in two files, in none, or known already.
      Self.edit { $0.addedValueFiles = [moved] },
      Self.edit { $0.addedOrigins = [newOrigin] },
      Self.edit { $0.addedOrigins = [all] },
      Self.edit {
        $0.removedValueFiles = [5]
        $0.addedValueFiles = [moved, Self.properties(10, [(5, 4, 400)])]
      },
      Self.edit {
        $0.addedOrigins = [dead]
        $0.addedValueFiles = [Self.properties(8, [(8, 1, 100)])]
      },
      // A file in which nothing is live, or that lacks something that is.
      Self.edit { $0.addedValueFiles = [Self.properties(8, [(8, 1, 100)])] },
      Self.edit {
        $0.removedValueFiles = [5]
        $0.addedValueFiles = [Self.properties(9, [(5, 3, 300)])]
      },
      Self.edit {
        $0.removedValueFiles = [5]
        $0.addedValueFiles = [Self.properties(9, [(5, 4, 401)])]
      },
      Self.edit {
        $0.removedValueFiles = [5, 7]
        $0.addedValueFiles = [moved]
      },
    ]
    for (number, edit) in edits.enumerated() {
      var state = try Self.base()
      let isApplied = state.apply(edit)
      #expect(!isApplied, "edit \(number)")
    }
  }
}
