// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A call of the OpenCL C API that failed.
public struct OpenCLError: Error, Hashable, Sendable {
  /// The C function, such as `clCreateBuffer`.
  public let call: String
  /// What it returned.
  public let status: OpenCLStatus
  /// The device's name where one is involved.
  public let device: String?
  /// The values of the call, or the build log.
  public let detail: String

  /// Describes a failed call.
  public init(call: String, status: OpenCLStatus, device: String? = nil, detail: String = "") {
    self.call = call
    self.status = status
    self.device = device
    self.detail = detail
  }
}

extension OpenCLError: CustomStringConvertible {
  /// One line with call, code and device; a build log follows on lines of its own.
  public var description: String {
    let place = device.map { " on \($0)" } ?? ""
    let separator = detail.contains("\n") ? "\n" : " "
    return "\(call) failed\(place): \(status)" + (detail.isEmpty ? "" : ":\(separator)\(detail)")
  }
}

/// Throws where `code` is an error; every C call of the module passes through here.
func check(
  _ code: cl_int, _ call: StaticString, device: String? = nil, detail: @autoclosure () -> String = ""
) throws(OpenCLError) {
  guard code != CL_SUCCESS else { return }
  throw OpenCLError(call: "\(call)", status: OpenCLStatus(rawValue: code), device: device, detail: detail())
}

/// The result of a C call that returns an object and a code; no object without an error is an error too.
func checkedObject(
  _ call: StaticString, device: String? = nil, detail: @autoclosure () -> String = "",
  _ make: (UnsafeMutablePointer<cl_int>) -> OpaquePointer?
) throws(OpenCLError) -> OpaquePointer {
  var code: cl_int = CL_SUCCESS
  let object = make(&code)
  try check(code, call, device: device, detail: detail())
  guard let object else {
    throw OpenCLError(
      call: "\(call)", status: .invalidValue, device: device, detail: "returned no object and no error; \(detail())")
  }
  return object
}
