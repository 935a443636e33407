// SPDX-License-Identifier: Apache-2.0

/// A request that a device cannot carry out.
public enum ComputeError: Error, Hashable, Sendable {
  /// A range or matrix that does not lie inside its memory; the text has the values.
  case outOfBounds(String)
  /// Shapes, types or parts that do not belong together; the text has the values.
  case mismatch(String)
  /// Memory over the device's limit for one allocation, in bytes.
  case allocationTooLarge(byteCount: Int, limit: Int, device: String)
  /// No kernel of the library does this, or the device can run none of them; the text has each reason.
  case unsupported(String)
  /// Memory of another device.
  case foreignMemory(device: String)
}

extension ComputeError: CustomStringConvertible {
  /// One sentence: what was asked, what is possible.
  public var description: String {
    switch self {
    case .outOfBounds(let text): "out of bounds: \(text)"
    case .mismatch(let text): "mismatch: \(text)"
    case .allocationTooLarge(let byteCount, let limit, let device):
      "\(device) allocates at most \(limit) bytes at once; \(byteCount) were asked for: shard over more ranks"
    case .unsupported(let text): "not supported: \(text)"
    case .foreignMemory(let device): "the memory does not belong to \(device)"
    }
  }
}
