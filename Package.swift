// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
  name: "ShardCL",
  products: [
    .library(name: "OpenCLKit", targets: ["OpenCLKit"]),
    .library(name: "ShardCompute", targets: ["ShardCompute"]),
    .library(name: "ShardCollectives", targets: ["ShardCollectives"]),
    .library(name: "ShardCL", targets: ["ShardCL"]),
    .library(name: "ShardModels", targets: ["ShardModels"]),
    .executable(name: "shardcl", targets: ["ShardCLCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev", "opencl-headers"])]),
    .target(name: "OpenCLKit", dependencies: ["COpenCL"], swiftSettings: strict),
    .target(name: "ShardKernels", path: "Kernels", sources: ["ShardKernels.c"], publicHeadersPath: "include"),
    .target(name: "CShardHost", cSettings: [.headerSearchPath("../../Kernels")]),
    .target(
      name: "ShardCompute", dependencies: ["OpenCLKit", "ShardKernels", "CShardHost"],
      swiftSettings: strict),
    .target(name: "ShardCollectives", dependencies: ["ShardCompute"], swiftSettings: strict),
    .target(name: "ShardCL", dependencies: ["ShardCompute", "ShardCollectives"], swiftSettings: strict),
    .target(
      name: "ShardModels",
      dependencies: ["ShardCL", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),
    .executableTarget(
      name: "ShardCLCommand",
      dependencies: [
        "OpenCLKit", "ShardModels", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["ShardCompute", "OpenCLKit"], path: "Tests/TestSupport", swiftSettings: strict
    ),
    .testTarget(name: "OpenCLKitTests", dependencies: ["OpenCLKit", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ShardComputeTests", dependencies: ["ShardCompute", "CShardHost", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ShardCollectivesTests", dependencies: ["ShardCollectives", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ShardCLTests", dependencies: ["ShardCL", "ShardModels", "TestSupport"], resources: [.copy("Fixtures")],
      swiftSettings: strict),
    .testTarget(
      name: "ShardModelsTests", dependencies: ["ShardModels", "TestSupport"], resources: [.copy("Fixtures")],
      swiftSettings: strict),
    .testTarget(
      name: "ShardCLCommandTests", dependencies: ["ShardCLCommand", "TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)
