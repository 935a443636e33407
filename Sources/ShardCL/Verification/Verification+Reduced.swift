// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension Verification {
  /// Every kernel that leaves the order of addition, where the device has its instructions; elsewhere an emulation of
  /// these.
  static func reducedCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    guard let openCL = device as? OpenCLDevice, openCL.capabilities.architecture == .gpu else { return [] }
    let emulating = try OpenCLDevice(
      selector: openCL.selector, device: openCL.device, context: openCL.context, cache: ProgramCache(),
      architecture: .gpu, emulatesInstructions: true)
    // Fewer terms than leaves, an odd k over several tiles.
    let shapes =
      extent == .small ? [(9, 33, 7), (17, 35, 69)] : [(9, 33, 7), (17, 35, 69), (65, 129, 95), (129, 31, 257)]
    // The emulation exchanges what lanes hold through local memory, for which a simulator's 32 KB are too few.
    let hasRoom = openCL.capabilities.localMemoryByteCount >= 48 << 10
    return ReducedKernels.all.filter { hasRoom || $0.name != "gemm/mma" }.flatMap { kernel in
      kernel.formats.flatMap { format in
        shapes.flatMap { m, n, k in
          KernelProblem.Variant.allCases.filter { extent == .full || $0 == .plain || $0 == .leaves }.map { variant in
            let problem = KernelProblem(
              m: m, n: n, k: (k + format.blockLength - 1) / format.blockLength * format.blockLength, format: format,
              variant: variant, reducedKernel: kernel.name)
            return VerificationCase(
              name: "kernel/reduced/\(label)/\(kernel.name)/\(problem)", subject: kernel.name, ranks: 1
            ) { try await problem.run(on: emulating, seed: $0) }
          }
        }
      }
    }
  }
}
