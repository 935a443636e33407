// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, which links ShardCL as an app would.
let package = Package(
  name: "Examples",
  dependencies: [.package(name: "ShardCL", path: "..")],
  targets: [
    .executableTarget(
      name: "FeedForward",
      dependencies: [
        .product(name: "ShardCL", package: "ShardCL"), .product(name: "ShardModels", package: "ShardCL"),
      ],
      path: "FeedForward", swiftSettings: [.treatAllWarnings(as: .error)])
  ],
  swiftLanguageModes: [.v6]
)
