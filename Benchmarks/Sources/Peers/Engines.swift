/// The engines that are measured, Cairn first.
public enum Engines {
  public static let all: [any StoreEngine] = [
    CairnStoreEngine(),
    RocksDBEngine(.defaults),
    RocksDBEngine(.recommended),
    RocksDBEngine(.recycledLogs),
    LevelDBEngine(),
    LMDBEngine(),
    SQLiteEngine(),
    WiredTigerEngine(),
  ]

  /// Those that differ in anything but how they commit.
  public static var forReading: [any StoreEngine] { all.filter { $0.name != "RocksDB recycled logs" } }

  public static func named(_ name: String) -> (any StoreEngine)? {
    all.first { $0.name.lowercased() == name.lowercased() }
  }
}
