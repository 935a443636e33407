// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import TestSupport
import Testing

@Suite("platforms and devices") struct DeviceTests {
  @Test("every info query in use answers") func info() throws {
    for device in try Platform.all().flatMap({ try $0.devices() }) {
      #expect(!device.name.isEmpty && !device.platform.name.isEmpty && !device.platform.version.isEmpty)
      #expect(try device.version.hasPrefix("OpenCL ") && !device.driverVersion.isEmpty)
      #expect(try device.computeUnits >= 1 && device.maximumWorkGroupSize >= 1 && device.baseAddressAlignment >= 1)
      #expect(try device.globalMemoryByteCount >= device.maximumAllocationByteCount)
      #expect(try device.maximumAllocationByteCount > 1 << 20 && device.localMemoryByteCount > 1 << 10)
      _ = try (device.vendor, device.extensions, device.clockMegahertz, device.nativeFloatVectorWidth)
      _ = try (
        device.hasUnifiedMemory, device.keepsSubnormals, device.hasFastFMA, device.hasCompiler, device.isAvailable
      )
      _ = device.uuid
    }
  }

  @Test("parts of a device share its units evenly") func partition() throws {
    let device = try #require(try TestDevices.firstDevice())
    let units = try device.computeUnits
    for count in 1...min(units, 8) {
      let parts = try device.partition(into: count)
      #expect(parts.count == count)
      for part in parts { #expect(try part.computeUnits == units / count) }
    }
  }

  @Test("more parts than units is an error with both numbers", arguments: [0, -1, 1_000_000])
  func tooManyParts(count: Int) throws {
    let device = try #require(try TestDevices.firstDevice())
    let error = #expect(throws: OpenCLError.self) { try device.partition(into: count) }
    #expect(
      error?.description.contains("\(count) sub-devices asked for; the device has \(try device.computeUnits)") == true)
  }

  @Test("PoCL is asked to pin its threads where each has a core, and never against the user's word")
  func pinning() async throws {
    await #expect(processExitsWith: .success) {
      unsetenv("POCL_MAX_PTHREAD_COUNT")
      setenv("POCL_AFFINITY", "0", 1)
      guard !DriverEnvironment.pinPoCLThreads() else { exit(1) }
      unsetenv("POCL_AFFINITY")
      let pinned = DriverEnvironment.pinPoCLThreads()
      guard pinned == (getenv("POCL_AFFINITY") != nil) else { exit(2) }
      // The driver loads with what was asked for.
      _ = try Platform.all().flatMap { try $0.devices() }
    }
    await #expect(processExitsWith: .success) {
      unsetenv("POCL_AFFINITY")
      setenv("POCL_MAX_PTHREAD_COUNT", "1000", 1)
      exit(DriverEnvironment.pinPoCLThreads() ? 1 : 0)
    }
  }

  @Test("codes print under the names of the specification")
  func statusNames() {
    #expect(OpenCLStatus.success.description == "CL_SUCCESS (0)")
    #expect(OpenCLStatus(rawValue: -5).description == "CL_OUT_OF_RESOURCES (-5)")
    #expect(OpenCLStatus(rawValue: -19).description == "CL_KERNEL_ARG_INFO_NOT_AVAILABLE (-19)")
    #expect(OpenCLStatus(rawValue: -25).description == "OpenCL code -25")
    #expect(OpenCLStatus(rawValue: -30).description == "CL_INVALID_VALUE (-30)")
    #expect(OpenCLStatus(rawValue: -61).description == "CL_INVALID_BUFFER_SIZE (-61)")
    #expect(OpenCLStatus(rawValue: -72).description == "CL_MAX_SIZE_RESTRICTION_EXCEEDED (-72)")
    #expect(OpenCLStatus(rawValue: -1001).description == "CL_PLATFORM_NOT_FOUND_KHR (-1001)")
    #expect(OpenCLStatus(rawValue: .min).description == "OpenCL code -2147483648")
    #expect(OpenCLStatus(rawValue: -9999).description == "OpenCL code -9999")
  }
}
