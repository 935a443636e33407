// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import Testing

@testable import ShardCL

@Suite("DeviceSelector") struct DeviceSelectorTests {
  @Test(
    "reads what the table shows",
    arguments: [
      ("all", [DeviceSelector(.all)]), ("gpu", [.init(.gpu)]), ("host", [.init(.host)]),
      ("host/4", [.init(.host, parts: 4)]), ("cpu/8", [.init(.cpu, parts: 8)]),
      ("pocl:0", [.init(.device(platform: "pocl", index: 0))]),
      ("pocl:0/2.1", [.init(.device(platform: "pocl", index: 0), parts: 2, part: 1)]),
      ("oclgrind-2:13", [.init(.device(platform: "oclgrind-2", index: 13))]),
      (
        "pocl:0/2,intel:0",
        [.init(.device(platform: "pocl", index: 0), parts: 2), .init(.device(platform: "intel", index: 0))]
      ),
      (" CPU , Host/2 ", [.init(.cpu), .init(.host, parts: 2)]),
    ])
  func reads(text: String, selectors: [DeviceSelector]) throws {
    #expect(try DeviceSelector.parse(text) == selectors)
    let again = selectors.map(\.description).joined(separator: ",")
    #expect(try DeviceSelector.parse(again) == selectors)
  }

  @Test(
    "refuses with the place and what is possible",
    arguments: [
      ("", 1, "PLATFORM:INDEX"), ("pocl", 1, "PLATFORM:INDEX"), ("cpu,", 5, "PLATFORM:INDEX"),
      ("cpu,,gpu", 5, "PLATFORM:INDEX"), ("gpux", 1, "PLATFORM:INDEX"), (":0", 1, "PLATFORM:INDEX"),
      ("pocl:", 6, "index"), ("pocl:x", 6, "index"), ("pocl:-1", 6, "index"), ("pocl:99999999999999999999", 6, "index"),
      ("cpu/", 5, "1 to 256"), ("cpu/0", 5, "1 to 256"), ("cpu/257", 5, "1 to 256"),
      ("cpu/2.2", 7, "0 to 1"), ("cpu/2.", 7, "0 to 1"), ("cpu 2", 5, "\",\""), ("cpu/2/2", 6, "\",\""),
      ("gpu;cpu", 4, "\",\""), ("pocl:٣", 6, "index"), ("pöcl:0", 1, "PLATFORM:INDEX"),
    ])
  func refuses(text: String, position: Int, expected: String) {
    #expect {
      try DeviceSelector.parse(text)
    } throws: { error in
      guard case DeviceError.invalidSelector(text, position, let allowed) = error else { return false }
      return allowed.contains(expected)
    }
  }
}

@Suite("Device resolution") struct DeviceResolutionTests {
  static func device(
    _ platform: String, _ index: Int, _ kind: Device.Kind, name: String = "chip", units: Int = 8, uuid: UInt8? = nil
  ) -> DeviceDescription {
    DeviceDescription(
      platform: platform, index: index, name: name, kind: kind, computeUnits: units, memoryByteCount: 1 << 33,
      maximumSubDevices: kind == .cpu ? units : 0, uuid: uuid.map { Array(repeating: $0, count: 16) })
  }

  /// A workstation: two equal cards behind two drivers, one of them with an accelerator, and two CPU drivers.
  static let machine = [
    device("nvidia", 0, .gpu, uuid: 1), device("nvidia", 1, .gpu, uuid: 2), device("mesa", 0, .gpu, uuid: 2),
    device("mesa", 1, .accelerator, name: "npu"), device("pocl", 0, .cpu, name: "cpu-zen"),
    device("intel", 0, .cpu, name: "AMD EPYC"),
  ]

  static func select(_ text: String, in devices: [DeviceDescription] = machine) throws -> [String] {
    try DeviceSelector.parse(text).flatMap { try $0.positions(in: devices) }.map { devices[$0].selector }
  }

  @Test("groups have every chip once")
  func groups() throws {
    #expect(try Self.select("all") == ["nvidia:0", "nvidia:1", "mesa:1"])
    #expect(try Self.select("gpu") == ["nvidia:0", "nvidia:1"])
    #expect(try Self.select("cpu") == ["pocl:0"])
    #expect(try Self.select("all", in: Array(Self.machine.suffix(2))) == ["pocl:0"])
  }

  @Test("a chip is used twice where that is asked for")
  func twice() throws {
    #expect(try Self.select("pocl:0,intel:0") == ["pocl:0", "intel:0"])
    #expect(try Self.select("nvidia:1,mesa:0") == ["nvidia:1", "mesa:0"])
    #expect(try Self.select("pocl:0,pocl:0") == ["pocl:0", "pocl:0"])
  }

  @Test("without identifiers, equal names, memory and units across drivers are one chip, within one driver two")
  func withoutIdentifiers() throws {
    let cards = [
      Self.device("amd", 0, .gpu), Self.device("amd", 1, .gpu), Self.device("mesa", 0, .gpu),
      Self.device("mesa", 1, .gpu, units: 4),
    ]
    #expect(try Self.select("gpu", in: cards) == ["amd:0", "amd:1", "mesa:1"])
  }

  @Test("a device that is not there is refused with the list of those that are")
  func noSuchDevice() {
    for text in ["pocl:1", "amd:0"] {
      #expect { try Self.select(text) } throws: {
        "\($0)".contains(text) && "\($0)".contains("nvidia:0, nvidia:1, mesa:0, mesa:1, pocl:0, intel:0")
      }
    }
    #expect(throws: DeviceError.self) { try Self.select("gpu", in: [Self.device("pocl", 0, .cpu)]) }
  }

  @Test("more parts than units are refused, as are parts of a device that cannot be cut")
  func parts() throws {
    #expect(try Self.select("cpu/8") == ["pocl:0"])
    #expect { try Self.select("cpu/9") } throws: {
      $0 as? DeviceError == .tooManyParts(selector: "cpu/9", parts: 9, device: "pocl:0 (cpu-zen)", limit: 8)
    }
    #expect(throws: DeviceError.self) { try Self.select("gpu/2") }
  }

  @Test("without any device the error says that host works, and what to install")
  func nothing() {
    #expect { try Self.select("all", in: []) } throws: {
      "\($0)".contains("\"host\"") && "\($0)".contains("apt install")
    }
  }

  @Test(
    "platforms have short names",
    arguments: [
      ("Portable Computing Language", "pocl"), ("Intel(R) OpenCL", "intel"), ("NVIDIA CUDA", "nvidia"),
      ("AMD Accelerated Parallel Processing", "amd"), ("Apple", "apple"), ("rusticl", "mesa"), ("Clover", "mesa"),
      ("Oclgrind", "oclgrind"), ("ARM Platform", "arm-platform"), ("Clvk (Vulkan)", "clvk-vulkan"), ("„“", "platform"),
    ])
  func shortNames(name: String, short: String) {
    #expect(DeviceCatalog.shortName(of: name, taken: []) == short)
    #expect(DeviceCatalog.shortName(of: name, taken: [short]) == "\(short)-2")
    #expect(DeviceCatalog.shortName(of: name, taken: [short, "\(short)-2"]) == "\(short)-3")
  }
}
