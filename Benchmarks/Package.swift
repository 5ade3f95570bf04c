// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "bench-report", targets: ["BenchReport"]),
    .executable(name: "coding-benchmark", targets: ["CodingBenchmark"]),
    .executable(name: "commit-benchmark", targets: ["CommitBenchmark"]),
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
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),

    .executableTarget(name: "CodingBenchmark", dependencies: [.product(name: "Cairn", package: "cairn")]),
    .executableTarget(
      name: "CommitBenchmark",
      dependencies: [
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnTesting", package: "cairn"),
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
