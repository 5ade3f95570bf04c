// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "coding-benchmark", targets: ["CodingBenchmark"]),
    .executable(name: "commit-benchmark", targets: ["CommitBenchmark"]),
  ],
  dependencies: [
    .package(name: "cairn", path: "..")
  ],
  targets: [
    .executableTarget(name: "CodingBenchmark", dependencies: [.product(name: "Cairn", package: "cairn")]),
    .executableTarget(
      name: "CommitBenchmark",
      dependencies: [
        .product(name: "CairnEngine", package: "cairn"), .product(name: "CairnTesting", package: "cairn"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
}
