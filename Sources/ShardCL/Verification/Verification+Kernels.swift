// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

extension Verification {
  /// Every kernel on one device of each driver, for CPUs also the kernels made for GPUs.
  static func kernelCases(_ devices: [any ComputeDevice], _ extent: Extent) throws -> [VerificationCase] {
    var cases: [VerificationCase] = []
    for (label, device) in try kernelDevices(devices) {
      cases += try productCases(label, device, extent)
      cases += try splitCases(label, device, extent)
      cases += try epilogueCases(label, device, extent)
      cases += try batchCases(label, device, extent)
      cases += try operationCases(label, device, extent)
      cases += try reducedCases(label, device, extent)
      cases += attentionCases(label, device, extent)
      cases += layerCases(label, device, extent)
    }
    return cases
  }

  /// One device of each driver: parts of a device run the same kernels.
  private static func kernelDevices(
    _ devices: [any ComputeDevice]
  ) throws -> [(label: String, device: any ComputeDevice)] {
    var chosen: [(label: String, device: any ComputeDevice)] = []
    for device in devices {
      let label = String(device.selector.prefix { $0 != "/" })
      guard !chosen.contains(where: { $0.label == label }) else { continue }
      chosen.append((label, device))
      guard let openCL = device as? OpenCLDevice, openCL.capabilities.architecture == .cpu else { continue }
      let twin = try OpenCLDevice(
        selector: "\(label) as gpu", device: openCL.device, context: openCL.context, cache: ProgramCache(),
        architecture: .gpu)
      chosen.append(("\(label)-as-gpu", twin))
    }
    return chosen
  }

  private static func productCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    // Fewer terms than leaves, few rows for matrix-vector kernels, one either side of a tile.
    let small = [(1, 5, 7), (3, 33, 40), (9, 17, 33)]
    let shapes =
      extent == .small
      ? small
      : small + [
        (1, 1, 1), (2, 3, 8), (5, 31, 100), (8, 32, 64), (13, 31, 127), (14, 32, 128), (15, 33, 129), (65, 70, 131),
        (33, 129, 520),
      ]
    // Each format and number of rows is a kernel of its own to compile, so quantised weights get few shapes; the small
    // extent has a format of each kind.
    let formats: [WeightFormat] =
      extent == .small ? [.f32, .f16, .bf16, .q8_0, .q5_1, .q6_K] : WeightFormat.allCases
    let problems = formats.flatMap { format in
      // Quantised weights have whole blocks, about one for each twenty terms.
      (format.isQuantised ? small : shapes).flatMap { m, n, k in
        KernelProblem.Variant.allCases.filter { extent == .full || format == .f32 || $0 == .plain }.map {
          KernelProblem(
            m: m, n: n, k: format.isQuantised ? (k + 9) / 20 * format.blockLength : k, format: format, variant: $0)
        }
      }
    }
    return try problems.map { problem in
      VerificationCase(
        name: "kernel/product/\(label)/\(problem)", subject: try problem.kernelName(on: device), ranks: 1
      ) { try await problem.run(on: device, seed: $0) }
    }
  }

  /// Products of one tile and many terms, whose leaves several work-groups of a GPU share (`gemm/join`).
  private static func splitCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    guard device.capabilities.architecture == .gpu else { return [] }
    func problem(
      _ format: WeightFormat, _ variant: KernelProblem.Variant = .plain, _ steps: EpilogueSteps = EpilogueSteps()
    ) -> KernelProblem {
      KernelProblem(m: 9, n: 34, k: extent == .small ? 512 : 2048, format: format, variant: variant, steps: steps)
    }
    let problems = [
      problem(.f32), problem(.f32, .scaled), problem(.f32, .plain, EpilogueSteps.usual[0]), problem(.q8_0),
    ]
    return try problems.map { problem in
      VerificationCase(
        name: "kernel/split/\(label)/\(problem)", subject: try problem.kernelName(on: device), ranks: 1
      ) { try await problem.run(on: device, seed: $0) }
    }
  }

  /// Products with epilogues, of matrices and of few rows: every combination is a kernel of its own to compile.
  private static func epilogueCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    func problem(_ m: Int, _ format: WeightFormat, _ steps: EpilogueSteps) -> KernelProblem {
      KernelProblem(m: m, n: 34, k: format.isQuantised ? 2 * format.blockLength : 37, format: format, steps: steps)
    }
    let problems =
      extent == .small
      ? [
        problem(9, .f32, EpilogueSteps.usual[0]), problem(3, .f32, EpilogueSteps.usual[1]),
        problem(9, .q8_0, EpilogueSteps(hasBias: true)),
      ]
      : EpilogueSteps.all.map { problem(33, .f32, $0) } + EpilogueSteps.usual.map { problem(3, .f32, $0) }
        + [WeightFormat.f16, .bf16, .q8_0, .q5_1, .q6_K].flatMap { format in
          [problem(33, format, EpilogueSteps.usual[0]), problem(1, format, EpilogueSteps.usual[1])]
        }
    return try problems.map { problem in
      VerificationCase(
        name: "kernel/epilogue/\(label)/\(problem)", subject: try problem.kernelName(on: device), ranks: 1
      ) { try await problem.run(on: device, seed: $0) }
    }
  }

  /// What an operation runs on OpenCL devices.
  private static let openCLSubjects = [
    "bias": "elementwise/add_bias", "pack": "gemm/pack", "copy": "clEnqueueCopyBufferRect",
    "reduce": "collectives/reduce",
    "fma": "bench/fma_peak", "read": "bench/read_bandwidth", "copy-loop": "bench/copy_bandwidth",
  ]

  /// Kernels that measure the device; they have no result to check but that they come to their end.
  private static let rates: [(String, @Sendable (any ComputeDevice, DeviceMemory) throws -> Double)] = [
    ("fma", { device, _ in try device.enqueueFMALoop(steps: 16) }),
    ("read", { device, memory in try device.enqueueReadLoop(memory) }),
    (
      "copy-loop",
      { device, memory in try device.enqueueCopyLoop(memory, to: device.allocate(byteCount: memory.byteCount)) }
    ),
  ]

  private static func operationCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    var cases: [VerificationCase] = []
    let isHost = device is HostDevice
    func add(_ name: String, _ operation: String, _ run: @escaping @Sendable (UInt64) async throws -> Findings) {
      let subject = isHost ? "host/\(operation)" : openCLSubjects[operation] ?? operation
      cases.append(VerificationCase(name: "kernel/\(operation)/\(label)/\(name)", subject: subject, ranks: 1, run: run))
    }
    for (operation, enqueue) in rates {
      add("runs", operation) { _ in
        let memory = try device.allocate(byteCount: 1 << 20)
        try device.fill(memory, at: 0, byteCount: memory.byteCount, with: 0)
        var findings = Findings()
        findings.differentElements = try enqueue(device, memory) > 0 ? 0 : 1
        try await device.finish()
        return findings
      }
    }
    let shapes = extent == .small ? [(1, 1), (5, 33)] : [(1, 1), (1, 1023), (5, 33), (17, 64), (64, 1000)]
    for (rows, columns) in shapes {
      let problem = MatrixProblem(rows: rows, columns: columns)
      add("\(problem)", "bias") { try await problem.bias(on: device, seed: $0) }
      for elementType in ElementType.allCases {
        add("\(elementType)/\(problem)", "pack") { try await problem.pack(elementType, on: device, seed: $0) }
        add("\(elementType)/\(problem)", "copy") { try await problem.copy(elementType, on: device, seed: $0) }
      }
      for addends in extent == .small ? [1, 3] : [1, 2, 3, 5, 8, 16] {
        for elementType in ElementType.allCases {
          // Every type, operation and number of addends is a kernel of its own to compile.
          let operations = elementType == .f32 || addends == 3 ? Reduction.Operation.allCases : [.sum]
          for operation in operations {
            add("\(operation)/\(elementType)/\(problem)/addends-\(addends)", "reduce") {
              try await problem.reduce(addends, operation, elementType, on: device, seed: $0)
            }
          }
        }
      }
    }
    return cases
  }
}
