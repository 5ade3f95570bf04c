// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Cairn", targets: ["Cairn"]),
    .library(name: "CairnEngine", targets: ["CairnEngine"]),
    .library(name: "CairnKV", targets: ["CairnKV"]),
    .library(name: "CairnLogging", targets: ["CairnLogging"]),
    .library(name: "CairnMetrics", targets: ["CairnMetrics"]),
    .library(name: "CairnTesting", targets: ["CairnTesting"]),
    .executable(name: "cairn", targets: ["CairnCommand"]),
  ],
  dependencies: [
    // For the command-line tool alone: no library target depends on it.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // For CairnLogging alone: the facade that a service in Swift logs through already. It depends on nothing.
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    // For CairnMetrics alone, likewise; its CoreMetrics, which is without Foundation. Who asks for neither product builds
    // and links neither package. From the version on in which a metric is made with a factory that is handed in.
    .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CairnShims"),
    .target(name: "CairnKV"),
    .target(name: "CairnEngine", dependencies: ["CairnKV", "CairnShims", "CZstd"]),
    .target(name: "Cairn", dependencies: ["CairnKV", "CairnEngine"]),
    .target(name: "CairnTesting", dependencies: ["CairnKV", "CairnEngine", "Cairn"]),
    // What happens inside a store, in the words of a service's logging and metrics. The engine knows neither.
    .target(
      name: "CairnLogging",
      dependencies: ["CairnEngine", "CairnKV", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "CairnMetrics",
      dependencies: ["CairnEngine", "CairnKV", .product(name: "CoreMetrics", package: "swift-metrics")]),
    .executableTarget(
      name: "CairnCommand",
      dependencies: [
        "Cairn", "CairnEngine", "CairnKV", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Seeds, changes of bytes and the counting of executions: what fuzzing is the same in, whatever is fuzzed.
    .target(name: "FuzzKit", path: "Tests/FuzzKit"),
    // What exploring crashes and failures is the same in, whatever is crashed.
    .target(name: "CrashKit", dependencies: ["CairnTesting", "CairnKV"], path: "Tests/CrashKit"),
    .testTarget(name: "CairnKVTests", dependencies: ["CairnKV", "CairnTesting"]),
    .testTarget(
      name: "CairnEngineTests",
      dependencies: ["CairnEngine", "CairnKV", "CairnTesting", "FuzzKit", "CrashKit"]),
    .testTarget(
      name: "CairnTests",
      dependencies: ["Cairn", "CairnKV", "CairnEngine", "CairnTesting", "FuzzKit", "CrashKit"]),
    .testTarget(
      name: "CairnTestingTests", dependencies: ["CairnTesting", "Cairn", "CairnEngine", "CairnKV"]),
    .testTarget(
      name: "CairnCommandTests",
      dependencies: ["CairnCommand", "Cairn", "CairnEngine", "CairnKV", "CairnTesting"]),
    .testTarget(
      name: "CairnLoggingTests",
      dependencies: [
        "CairnLogging", "CairnEngine", "CairnKV", "CairnTesting",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(
      name: "CairnMetricsTests",
      dependencies: [
        "CairnMetrics", "CairnEngine", "CairnKV", "CairnTesting",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        // For the example in README.md, which shows both.
        "CairnLogging", .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "ProjectTests"),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where ![.system, .plugin].contains(target.type) {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // For types that hold a span.
    .enableExperimentalFeature("Lifetimes"),
  ]
}

// Only `make docs` needs it, so that nobody else has to fetch it.
if Context.environment["CAIRN_DOCS"] == "1" {
  package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"))
}

// For `scripts/optimized-tests`: of the tests only those that look at millions of cases, and what these stand on. Optimized,
// all of them take a quarter of an hour.
if Context.environment["CAIRN_OPTIMIZED_TESTS"] == "1" {
  let sources = [
    "CairnEngineTests": [
      "Crash/CrashTests.swift", "Crash/EngineWorkload.swift", "Crash/History.swift",
      "Crash/LivenessCheck.swift",
      "Crash/RecoveryCheck.swift", "Crash/Workload.swift", "Crash/WorkloadRun.swift", "Crash/Workloads",
      "Fuzz",
      "SegmentTestSupport.swift", "Transaction/EngineSupport.swift", "Values/ValueFileTestSupport.swift",
      "Verification/DamageSweepTests.swift", "Verification/DamagedStore.swift",
      "Verification/HandmadeStore.swift",
    ], "CairnTests": ["Crash", "Fuzz", "CBORModel.swift", "DynamicValue.swift", "WorkflowModel.swift"],
  ]
  package.targets.removeAll { $0.type == .test && sources[$0.name] == nil }
  for target in package.targets where target.type == .test { target.sources = sources[target.name] }
}
