// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that users of ShardCL never need the peers. Scripts/setup --benchmarks installs them.
let package = Package(
  name: "Benchmarks",
  products: [.executable(name: "gemm-bench", targets: ["Gemm"])],
  dependencies: [
    .package(name: "ShardCL", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", path: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CCLBlast", path: "CCLBlast", pkgConfig: "clblast", providers: [.apt(["libclblast-dev"])]),
    .executableTarget(
      name: "Gemm",
      dependencies: [
        "COpenBLAS", "CCLBlast", .product(name: "ShardCL", package: "ShardCL"),
        .product(name: "OpenCLKit", package: "ShardCL"), .product(name: "ShardCompute", package: "ShardCL"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Gemm", resources: [.embedInCode("Torch/worker.py")], swiftSettings: [.treatAllWarnings(as: .error)]),
  ],
  swiftLanguageModes: [.v6]
)
