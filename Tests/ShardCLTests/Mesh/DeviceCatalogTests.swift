// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import Testing

@Suite("DeviceCatalog") struct DeviceCatalogTests {
  static let cpu: DeviceDescription? = (try? DeviceCatalog())?.entries.map(\.description).first {
    $0.kind.contains(.cpu) && $0.maximumSubDevices >= 2
  }

  @Test("host ranks share the cores and have names that select them")
  func host() throws {
    let devices = try DeviceCatalog.open("host/3")
    #expect(devices.map(\.selector) == ["host/3.0", "host/3.1", "host/3.2"])
    #expect(devices.allSatisfy { $0.capabilities.computeUnits >= 1 })
    #expect(try DeviceCatalog.open("host/3.1").map(\.selector) == ["host/3.1"])
    #expect(try DeviceCatalog.open("host,host/2").map(\.selector) == ["host", "host/2.0", "host/2.1"])
  }

  @Test("parts of one device share a context, and each name opens its part", .enabled(if: cpu != nil))
  func parts() throws {
    let name = try #require(Self.cpu).selector
    let devices = try DeviceCatalog.open("\(name)/2,\(name),host")
    #expect(devices.map(\.selector) == ["\(name)/2.0", "\(name)/2.1", name, "host"])
    let contexts = devices.compactMap { ($0 as? OpenCLDevice)?.context }
    #expect(contexts.count == 3 && contexts.allSatisfy { $0 === contexts[0] })
    #expect(try DeviceCatalog.open("\(name)/2.1").map(\.selector) == ["\(name)/2.1"])
  }

  @Test("more parts than compute units are refused before anything is opened", .enabled(if: cpu != nil))
  func tooManyParts() throws {
    let cpu = try #require(Self.cpu)
    #expect(throws: DeviceError.self) { try DeviceCatalog.open("\(cpu.selector)/\(cpu.computeUnits + 1)") }
  }

  @Test("a platform that is not there is an error with the list, never fewer ranks")
  func unknownPlatform() {
    #expect { try DeviceCatalog.open("host,nowhere:0") } throws: { $0 is DeviceError }
  }
}

@Suite("DeviceMesh") struct DeviceMeshTests {
  @Test("a grid has rows and columns that are meshes")
  func grid() throws {
    let mesh = try DeviceMesh(DeviceCatalog.open("host/6"), rows: 2)
    #expect((mesh.rows, mesh.columns, mesh.count) == (2, 3, 6))
    #expect(try mesh.row(1).ranks.map(\.device.selector) == ["host/6.3", "host/6.4", "host/6.5"])
    #expect(try mesh.column(2).ranks.map(\.device.selector) == ["host/6.2", "host/6.5"])
    #expect(try mesh.row(1).ranks.map(\.index) == [0, 1, 2])
    #expect(throws: ShardingError.self) { try mesh.row(2) }
    #expect(throws: ShardingError.self) { try mesh.column(-1) }
  }

  @Test("measured rates cut an axis by speed")
  func speeds() async throws {
    let rates = try await MeshCase.host(2).measureFlopsPerSecond()
    #expect(rates.count == 2 && rates.allSatisfy { $0 > 0 })
    #expect(try Partition.weighted(64, weights: rates).length == 64)
  }

  @Test("no devices, or rows that do not divide them, are refused")
  func refusals() {
    #expect(throws: ShardingError.self) { try DeviceMesh([]) }
    #expect(throws: ShardingError.self) { try DeviceMesh(DeviceCatalog.open("host/3"), rows: 2) }
    #expect(throws: ShardingError.self) { try DeviceMesh(DeviceCatalog.open("host"), rows: 0) }
  }
}
