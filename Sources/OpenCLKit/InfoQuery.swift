// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// The shape that every `clGet…Info` function has once its object and parameter are bound.
typealias InfoQuery = (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int

/// A fixed-size value; bytes that the driver does not write stay zero.
func infoValue<T: BitwiseCopyable>(
  _ call: StaticString, device: String? = nil, default zero: T, _ query: InfoQuery
) throws(OpenCLError) -> T {
  var value = zero
  let code = withUnsafeMutablePointer(to: &value) { query(MemoryLayout<T>.size, UnsafeMutableRawPointer($0), nil) }
  try check(code, call, device: device)
  return value
}

/// A list, its length asked for first; a length that is no multiple of the element is cut.
func infoArray<T: BitwiseCopyable>(
  _ call: StaticString, device: String? = nil, default zero: T, _ query: InfoQuery
) throws(OpenCLError) -> [T] {
  var byteCount = 0
  try check(query(0, nil, &byteCount), call, device: device)
  let count = byteCount / MemoryLayout<T>.stride
  guard count > 0 else { return [] }
  var values = [T](repeating: zero, count: count)
  let code = values.withUnsafeMutableBytes { query($0.count, $0.baseAddress, nil) }
  try check(code, call, device: device)
  return values
}

/// Text up to the first NUL; invalid UTF-8 is repaired, since names come from drivers.
func infoString(_ call: StaticString, device: String? = nil, _ query: InfoQuery) throws(OpenCLError) -> String {
  let bytes = try infoArray(call, device: device, default: UInt8(0), query)
  return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}
