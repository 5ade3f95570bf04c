// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "coding-benchmark", targets: ["CodingBenchmark"]),
    .executable(name: "store-benchmark", targets: ["StoreBenchmark"]),
  ],
  dependencies: [
    .package(name: "cairn", path: "..")
  ],
  targets: [
    // Results, statistics and reports. Knows no store.
    .target(name: "BenchmarkKit"),
    .testTarget(name: "BenchmarkKitTests", dependencies: ["BenchmarkKit"]),

    // Peers, each through a module map of its own.
    .systemLibrary(
      name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
    .systemLibrary(name: "CLevelDB", providers: [.apt(["libleveldb-dev"]), .brew(["leveldb"])]),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
    .systemLibrary(name: "CWiredTiger", pkgConfig: "wiredtiger", providers: [.apt(["libwiredtiger-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),

    .executableTarget(name: "CodingBenchmark", dependencies: [.product(name: "Cairn", package: "cairn")]),

    // The key-value engines behind one protocol, and the workloads that are run on all of them.
    .target(
      name: "Peers",
      dependencies: [
        "CRocksDB", "CLevelDB", "CLMDB", "CSQLite", "CWiredTiger",
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnKV", package: "cairn"),
      ]),
    .target(name: "CPhysicalLimit"),
    .executableTarget(
      name: "StoreBenchmark",
      dependencies: [
        "BenchmarkKit", "CPhysicalLimit", "Peers",
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnKV", package: "cairn"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
}
