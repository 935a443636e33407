// SPDX-License-Identifier: Apache-2.0

/// A request that a device cannot carry out.
public enum ComputeError: Error, Hashable, Sendable {
  /// A range or matrix that does not lie inside its memory; the text has the values.
  case outOfBounds(String)
  /// Shapes, types or parts that do not belong together; the text has the values.
  case mismatch(String)
  /// Memory over the device's limit for one allocation, in bytes.
  case allocationTooLarge(byteCount: Int, limit: Int, device: String)
  /// A buffer over what is left of the device's memory.
  case outOfMemory(byteCount: Int, available: Int, device: String)
  /// No kernel of the library does this; the text lists each refusal.
  case unsupported(String)
  /// A file of tuned parameters that cannot be read, understood or written, and the field at fault.
  case tuningFile(file: String, field: String, reason: String)
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
    case .outOfMemory(let byteCount, let available, let device):
      "\(device) has \(available) bytes of memory left; \(byteCount) were asked for: shard over more ranks"
    case .unsupported(let text): "not supported: \(text)"
    case .tuningFile(let file, let field, let reason): "\(file): \(field) \(reason)"
    case .foreignMemory(let device): "the memory does not belong to \(device)"
    }
  }
}
