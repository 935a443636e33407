// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@testable import ShardCollectives

@Suite("transports") struct TransportTests {
  @Test("the checks of these tests catch a wrong one", arguments: FaultyTransport.Fault.allCases)
  func faultsShow(fault: FaultyTransport.Fault) async throws {
    let devices = try TestDevices.ranks(3, .host)
    let problem = ReductionProblem(
      form: .allReduce, nodes: ReductionProblem.leaves(3), count: 100, seed: TestSeed(20))
    #expect(try await problem.faults(on: Communicator(devices: devices)) == [])
    let faulty = FaultyTransport(sound: HostTransport(devices), devices: devices, fault: fault)
    let communicator = try Communicator(devices: devices, transport: faulty)
    switch fault {
    case .bit: #expect(try await problem.faults(on: communicator) == ["rank 2 differs from element 50 of 100"])
    case .missing: #expect(try await problem.faults(on: communicator) == ["rank 2 differs from element 0 of 100"])
    case .order: #expect(try await problem.faults(on: communicator).count == 3)
    case .stray:
      await #expect(throws: GuardedMemory.StrayWrite.self) {
        try await problem.faults(on: communicator)
      }
    }
  }

  @Test("follow earlier commands and hold back later ones", arguments: RankCase.all)
  func order(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    // Sizes on both sides of what a rank of a context joins alone.
    for (count, inPlace) in [(1000, false), (1000, true), (Lengths.long, false), (Lengths.long, true)] {
      let inputs = try communicator.devices.map { Reduction.Operand(try $0.allocate(byteCount: count * 4)) }
      let separate = try communicator.devices.map { Reduction.Operand(try $0.allocate(byteCount: count * 4)) }
      let outputs = inPlace ? inputs : separate
      // Nothing here waits: every round would see the numbers of another one if an order were missing.
      var seen: [(rank: Int, round: Int, memory: HostMemory)] = []
      for round in 1...5 {
        for (device, input) in zip(communicator.devices, inputs) {
          try device.fill(input.memory, at: 0, byteCount: count * 4, with: Float(round).bitPattern)
        }
        try await communicator.allReduce(inputs, into: outputs, count: count)
        for (rank, device) in communicator.devices.enumerated() {
          if !inPlace { try device.fill(inputs[rank].memory, at: 0, byteCount: count * 4, with: Float(-1).bitPattern) }
          let host = HostMemory(byteCount: count * 4)
          try device.read(outputs[rank].memory, at: 0, byteCount: count * 4, into: host, at: 0)
          seen.append((rank, round, host))
          try device.fill(outputs[rank].memory, at: 0, byteCount: count * 4, with: Float(-2).bitPattern)
        }
      }
      for device in communicator.devices { try await device.finish() }
      for (rank, round, host) in seen {
        let expected = ElementType.f32.encode([Float](repeating: Float(round * ranks.count), count: 1000)).repeated(
          to: count * 4)
        let isRight = host.bytes.matches(expected)
        #expect(isRight, "rank \(rank), round \(round), \(count) elements, in place \(inPlace), \(ranks)")
      }
    }
  }

  @Test("keep collectives apart that run at the same time", arguments: RankCase.ranks(3))
  func concurrentCollectives(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    let faults = try await withThrowingTaskGroup(of: [String].self) { group in
      for seed in UInt64(1)...8 {
        group.addTask {
          // 20 leaves each: long sums use the transport's scratch memory.
          let nodes = (0..<3).map { rank in (0..<20).filter { $0 % 3 == rank }.map(SumNode.leaf) }
          let problem = ReductionProblem(
            form: .allReduce, nodes: nodes, count: 20_000, inPlace: true, seed: TestSeed(seed))
          return try await problem.faults(on: communicator)
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(faults == [])
  }

  @Test("a barrier holds every rank", arguments: RankCase.all)
  func barrier(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    try await communicator.barrier()
    for device in communicator.devices { try await device.finish() }
  }

  @Test("are chosen by the devices, or refused")
  func choice() async throws {
    let host = try TestDevices.ranks(2, .host)
    #expect(try Communicator(devices: host).transportKind == .hostStaged)
    #expect(throws: CollectiveError.transport(.context, devices: ["host.0", "host.1"])) {
      try Communicator(devices: host, transport: .context)
    }
    guard TestDevices.kinds.contains(.context) else { return }
    let context = try TestDevices.ranks(2, .context)
    #expect(try Communicator(devices: context).transportKind == .context)
    #expect(try Communicator(devices: context, transport: .hostStaged).transportKind == .hostStaged)
    #expect(try Communicator(devices: TestDevices.ranks(2, .mixed)).transportKind == .hostStaged)
    // The same chip, but contexts of their own.
    let strangers = try TestDevices.oneContext(1) + TestDevices.oneContext(1)
    #expect(try Communicator(devices: strangers).transportKind == .hostStaged)
    #expect(throws: CollectiveError.self) { try Communicator(devices: strangers, transport: .context) }
  }

  @Test("close every access where one fails")
  func accessFailures() async throws {
    for failing in 0..<3 {
      for refusesBegin in [false, true] {
        let devices = (0..<3).map {
          WatchedDevice(
            "watched.\($0)", refusesBegin: refusesBegin && $0 == failing, refusesEnd: !refusesBegin && $0 == failing)
        }
        let communicator = try Communicator(devices: devices)
        let inputs = try devices.map { Reduction.Operand(try $0.upload([Float](repeating: 1, count: 10))) }
        let outputs = try devices.map { Reduction.Operand(try $0.allocate(byteCount: 40)) }
        let selector = devices[failing].selector
        await #expect(throws: refusesBegin ? WatchedDevice.Refusal.begin(selector) : .end(selector)) {
          try await communicator.allReduce(inputs, into: outputs, count: 10)
        }
        for device in devices {
          #expect(device.accesses.withLock { $0.open } == 0)
          try await device.finish()
        }
      }
    }
  }

  @Test("open each stretch of memory once")
  func regions() async throws {
    let device = WatchedDevice("watched")
    let memory = try device.allocate(byteCount: 400)
    let operand = Reduction.Operand(memory)
    try await Communicator(devices: [device]).allReduce(
      [Contribution([operand, Reduction.Operand(memory, offset: 50)], nodes: [.leaf(0), .leaf(1)])], into: [operand],
      count: 50)
    // The output is the first addend; the second one lies beside it.
    #expect(device.accesses.withLock { $0.all } == 2)
    let region = { (bytes: Range<Int>, writing: Bool) in
      HostRegions.Region(rank: 0, memory: memory, bytes: bytes, writing: writing)
    }
    let united = HostRegions.united([
      region(90..<100, true), region(0..<50, false), region(40..<60, true),
      region(55..<56, false), region(7..<7, true),
    ])
    #expect(united.map(\.bytes) == [0..<60, 90..<100])
    #expect(united.map(\.writing) == [true, true])
  }

  @Test("cut long trees into steps that have the same value", arguments: [1, 2, 16, 17, 33, 100, 255, 256])
  func steps(count: Int) throws {
    // Every other leaf: no two are siblings, so the tree leans as far as it can.
    for stride in [1, 2] {
      let tree = try #require(ReductionTree(nodes: (0..<count).map { .leaf($0 * stride) }))
      let steps = JoinSteps(tree)
      #expect(steps.steps.allSatisfy { $0.tree.count <= 16 && $0.tree.count == $0.sources.count })
      var results: [String] = []
      for step in steps.steps {
        let names = step.sources.map { source in
          switch source {
          case .addend(let index): "a\(index)"
          case .step(let index): results[index]
          }
        }
        results.append(expression(step.tree, names))
      }
      #expect(results.last == expression(tree, (0..<count).map { "a\($0)" }))
    }
  }

  private func expression(_ tree: ReductionTree, _ names: [String]) -> String {
    switch tree {
    case .addend(let position): names[position]
    case .join(let left, let right): "(\(expression(left, names))+\(expression(right, names)))"
    }
  }
}
