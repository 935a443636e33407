// SPDX-License-Identifier: Apache-2.0
import COpenCL

extension Device {
  private func value<T: BitwiseCopyable>(_ parameter: Int32, _ zero: T) throws(OpenCLError) -> T {
    try infoValue("clGetDeviceInfo", device: name, default: zero) { [handle] in
      clGetDeviceInfo(handle, cl_device_info(parameter), $0, $1, $2)
    }
  }

  private func text(_ parameter: Int32) throws(OpenCLError) -> String {
    try infoString("clGetDeviceInfo", device: name) { [handle] in
      clGetDeviceInfo(handle, cl_device_info(parameter), $0, $1, $2)
    }
  }

  /// Who made the chip, as the driver says.
  public var vendor: String { get throws(OpenCLError) { try text(CL_DEVICE_VENDOR) } }
  /// `OpenCL 3.0 …`.
  public var version: String { get throws(OpenCLError) { try text(CL_DEVICE_VERSION) } }
  /// The driver's own version.
  public var driverVersion: String { get throws(OpenCLError) { try text(CL_DRIVER_VERSION) } }
  /// Extensions, without which a feature must not be used.
  public var extensions: Set<String> {
    get throws(OpenCLError) { Set(try text(CL_DEVICE_EXTENSIONS).split(separator: " ").map(String.init)) }
  }
  /// Parallel compute units; cores on a CPU.
  public var computeUnits: Int { get throws(OpenCLError) { Int(try value(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint(0))) } }
  /// Highest clock in MHz, as the driver says; zero where it does not know.
  public var clockMegahertz: Int {
    get throws(OpenCLError) { Int(try value(CL_DEVICE_MAX_CLOCK_FREQUENCY, cl_uint(0))) }
  }
  /// Device memory in bytes.
  public var globalMemoryByteCount: Int {
    get throws(OpenCLError) { Int(clamping: try value(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong(0))) }
  }
  /// The largest single buffer in bytes.
  public var maximumAllocationByteCount: Int {
    get throws(OpenCLError) { Int(clamping: try value(CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong(0))) }
  }
  /// Local memory of a work-group in bytes.
  public var localMemoryByteCount: Int {
    get throws(OpenCLError) { Int(clamping: try value(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong(0))) }
  }
  /// The cache between the device and its global memory in bytes; the last level on a CPU, zero where there is none.
  public var cacheByteCount: Int {
    get throws(OpenCLError) { Int(clamping: try value(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cl_ulong(0))) }
  }
  /// The largest work-group in work-items.
  public var maximumWorkGroupSize: Int { get throws(OpenCLError) { try value(CL_DEVICE_MAX_WORK_GROUP_SIZE, Int(0)) } }
  /// Floats in a native vector; zero where the driver does not say.
  public var nativeFloatVectorWidth: Int {
    get throws(OpenCLError) { Int(try value(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint(0))) }
  }
  /// Offsets of sub-buffers are multiples of this many bytes.
  public var baseAddressAlignment: Int {
    get throws(OpenCLError) { max(1, Int(try value(CL_DEVICE_MEM_BASE_ADDR_ALIGN, cl_uint(0))) / 8) }
  }
  /// Whether host and device share memory, so that mapping copies nothing.
  public var hasUnifiedMemory: Bool {
    get throws(OpenCLError) { try value(CL_DEVICE_HOST_UNIFIED_MEMORY, cl_bool(0)) != 0 }
  }
  /// Whether `fma` on f32 is one instruction (`CL_FP_FMA`) rather than slow software.
  public var hasFastFMA: Bool {
    get throws(OpenCLError) { try value(CL_DEVICE_SINGLE_FP_CONFIG, cl_device_fp_config(0)) & UInt64(CL_FP_FMA) != 0 }
  }
  /// Whether f32 subnormals keep their value (`CL_FP_DENORM`) rather than flush to zero.
  public var keepsSubnormals: Bool {
    get throws(OpenCLError) {
      try value(CL_DEVICE_SINGLE_FP_CONFIG, cl_device_fp_config(0)) & UInt64(CL_FP_DENORM) != 0
    }
  }
  /// Whether the device can be used now.
  public var isAvailable: Bool { get throws(OpenCLError) { try value(CL_DEVICE_AVAILABLE, cl_bool(0)) != 0 } }
  /// Whether OpenCL C can be compiled for the device.
  public var hasCompiler: Bool { get throws(OpenCLError) { try value(CL_DEVICE_COMPILER_AVAILABLE, cl_bool(0)) != 0 } }
  /// The most parts that the device can be cut into; zero where it cannot.
  public var maximumSubDevices: Int {
    get throws(OpenCLError) { Int(try value(CL_DEVICE_PARTITION_MAX_SUB_DEVICES, cl_uint(0))) }
  }
  /// 16 bytes that name the chip (`cl_khr_device_uuid`), nil where the driver has no such query.
  public var uuid: [UInt8]? {
    let parameter: Int32 = 0x106A  // CL_DEVICE_UUID_KHR
    guard let extensions = try? extensions, extensions.contains("cl_khr_device_uuid") else { return nil }
    let bytes = try? infoArray("clGetDeviceInfo", device: name, default: UInt8(0)) { [handle] in
      clGetDeviceInfo(handle, cl_device_info(parameter), $0, $1, $2)
    }
    return bytes?.count == 16 ? bytes : nil
  }
}
