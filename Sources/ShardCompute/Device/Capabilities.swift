// SPDX-License-Identifier: Apache-2.0

/// What a device can do, as far as the choice of kernels depends on it.
public struct Capabilities: Hashable, Sendable {
  /// Kinds of device that want kernels of their own.
  public enum Architecture: String, Hashable, Sendable, Codable {
    /// Few cores, wide vectors, deep caches: one work-item owns a register tile.
    case cpu
    /// Many narrow lanes and fast local memory: a work-group shares a tile.
    case gpu
    /// The CPU fallback: no OpenCL at all.
    case host
  }

  /// Which kernels fit.
  public let architecture: Architecture
  /// Cores or compute units.
  public let computeUnits: Int
  /// Floats in one native vector, at least 4.
  public let vectorWidth: Int
  /// Bytes of the last cache before memory; zero where the driver does not say.
  public let cacheByteCount: Int
  /// Bytes of local memory of a work-group; zero for the CPU fallback.
  public let localMemoryByteCount: Int
  /// The largest work-group in work-items.
  public let maximumWorkGroupSize: Int
  /// The largest single allocation in bytes.
  public let maximumAllocationByteCount: Int
  /// All memory in bytes.
  public let memoryByteCount: Int
  /// Whether host code reaches the memory without a copy.
  public let hasUnifiedMemory: Bool
}
