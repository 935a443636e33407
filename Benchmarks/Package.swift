// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// What all programs use of ShardCL and of the package's own support.
let common: [Target.Dependency] = [
  "BenchSupport", .product(name: "ShardCL", package: "ShardCL"), .product(name: "ShardCompute", package: "ShardCL"),
  .product(name: "ArgumentParser", package: "swift-argument-parser"),
]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// A package of its own, so that users of ShardCL never need the peers. Scripts/setup --benchmarks installs them.
let package = Package(
  name: "Benchmarks",
  products: [
    .executable(name: "gemm-bench", targets: ["Gemm"]),
    .executable(name: "attention-bench", targets: ["AttentionBench"]),
    .executable(name: "collectives-bench", targets: ["CollectivesBench"]),
  ],
  dependencies: [
    .package(name: "ShardCL", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", path: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CCLBlast", path: "CCLBlast", pkgConfig: "clblast", providers: [.apt(["libclblast-dev"])]),
    .target(
      name: "BenchSupport",
      dependencies: [
        .product(name: "OpenCLKit", package: "ShardCL"), .product(name: "ShardCL", package: "ShardCL"),
        .product(name: "ShardCompute", package: "ShardCL"),
      ],
      path: "Support", resources: [.embedInCode("Torch/worker.py")], swiftSettings: strict),
    .executableTarget(
      name: "Gemm", dependencies: common + ["COpenBLAS", "CCLBlast"], path: "Gemm", swiftSettings: strict),
    .executableTarget(name: "AttentionBench", dependencies: common, path: "Attention", swiftSettings: strict),
    // Its peer is built by mpicc when it runs, so that the package builds without MPI.
    .executableTarget(
      name: "CollectivesBench",
      dependencies: common + [
        .product(name: "OpenCLKit", package: "ShardCL"), .product(name: "ShardCollectives", package: "ShardCL"),
      ],
      path: "Collectives", resources: [.embedInCode("OpenMPI/worker.c")], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
