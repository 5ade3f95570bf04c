// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "bench-report", targets: ["BenchReport"]),
    .executable(name: "micro-benchmark", targets: ["MicroBenchmark"]),
    .executable(name: "store-benchmark", targets: ["StoreBenchmark"]),
    .executable(name: "workflow-benchmark", targets: ["WorkflowBenchmark"]),
  ],
  dependencies: [
    .package(name: "cairn", path: "..")
  ],
  targets: [
    // Results, statistics and reports. Knows no store.
    .target(name: "BenchmarkKit"),
    .executableTarget(name: "BenchReport", dependencies: ["BenchmarkKit"]),
    .testTarget(name: "BenchmarkKitTests", dependencies: ["BenchmarkKit"]),

    // Peers, each through a module map of its own.
    .systemLibrary(
      name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
    .systemLibrary(name: "CLevelDB", providers: [.apt(["libleveldb-dev"]), .brew(["leveldb"])]),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
    .systemLibrary(name: "CWiredTiger", pkgConfig: "wiredtiger", providers: [.apt(["libwiredtiger-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    // Not by pkg-config, which names a flag that SwiftPM warns of.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
    .systemLibrary(
      name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),

    // What the encoders are given.
    .target(name: "SampleRecords"),
    .executableTarget(
      name: "MicroBenchmark",
      dependencies: [
        "BenchmarkKit", "SampleRecords", .product(name: "Cairn", package: "cairn"),
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnTesting", package: "cairn"),
      ],
      // Without debug information, which valgrind 3.19 gives up on in what Swift 6 writes. Symbols stay.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-S"])]),
    .executableTarget(
      name: "WorkflowBenchmark",
      dependencies: [
        "BenchmarkKit", "SampleRecords", "CSQLite", "CHiredis", "CPostgreSQL",
        .product(name: "Cairn", package: "cairn"), .product(name: "CairnTesting", package: "cairn"),
      ]),

    // The key-value engines behind one protocol, and the workloads that are run on all of them.
    .target(
      name: "Peers",
      dependencies: [
        "BenchmarkKit", "CRocksDB", "CLevelDB", "CLMDB", "CSQLite", "CWiredTiger",
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnKV", package: "cairn"),
      ]),
    .testTarget(name: "PeersTests", dependencies: ["BenchmarkKit", "Peers"]),
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
