// SPDX-License-Identifier: Apache-2.0
import CCLBlast

/// The most multiply-adds per second that OpenCL C reaches on the device: independent chains of `fma` in registers.
/// Which vector width that takes is the compiler's business, so all are tried and the fastest is kept.
final class FMAPeak {
  let details: String
  let flops: Double
  private let session: OpenCLSession
  private let variant: Variant

  private struct Variant {
    let kernel: cl_kernel
    let width: Int
    let groupSize: Int
    let globalSize: Int
    let output: DeviceArray
  }

  private static let steps = 20_000
  private static let chains = 12

  init(session: OpenCLSession) throws {
    var best: (seconds: Double, flops: Double, variant: Variant)?
    // Groups of one item suit a CPU, groups of 64 a GPU.
    for (groupSize, groupsPerUnit) in [(1, 8), (64, 16)] {
      for width in [1, 4, 8, 16] {
        let variant = try Self.build(width, groupSize, groupsPerUnit, session)
        let flops = 2 * Double(Self.steps * Self.chains * width) * Double(variant.globalSize)
        try Self.run(variant, session)
        let seconds = try (0..<3).map { _ in try measureSeconds { try Self.run(variant, session) } }.min() ?? .infinity
        if best.map({ flops / seconds > $0.flops / $0.seconds }) ?? true { best = (seconds, flops, variant) }
      }
    }
    guard let best else { throw BenchmarkError("no FMA loop ran") }
    self.session = session
    (flops, variant) = (best.flops, best.variant)
    let type = variant.width == 1 ? "float" : "float\(variant.width)"
    details =
      "\(Int(best.flops / best.seconds / 1e9)) GFLOPS in \(Self.chains) chains of \(type), groups of \(variant.groupSize)"
  }

  func run() throws { try Self.run(variant, session) }

  private static func run(_ variant: Variant, _ session: OpenCLSession) throws {
    var globalSize = variant.globalSize
    var groupSize = variant.groupSize
    try check(
      "clEnqueueNDRangeKernel",
      clEnqueueNDRangeKernel(session.queue, variant.kernel, 1, nil, &globalSize, &groupSize, 0, nil, nil))
    try session.finish()
  }

  private static func build(_ width: Int, _ groupSize: Int, _ groupsPerUnit: Int, _ session: OpenCLSession) throws
    -> Variant
  {
    let type = width == 1 ? "float" : "float\(width)"
    let names = (0..<chains).map { "c\($0)" }
    // The factor is an argument: a constant one could be folded, and 1 keeps the values finite.
    let text = """
      kernel void fma_peak(global \(type) *output, const float factor) {
        const \(type) x = (\(type))(factor);
        \(names.map { "\(type) \($0) = x + (float)get_global_id(0);" }.joined(separator: " "))
        for (int i = 0; i < \(steps); i++) { \(names.map { "\($0) = fma(\($0), x, x);" }.joined(separator: " ")) }
        output[get_global_id(0)] = \(names.joined(separator: " + "));
      }
      """
    var status: cl_int = 0
    var device: cl_device_id? = session.device
    let program = text.withCString { pointer in
      var line: UnsafePointer<CChar>? = pointer
      return clCreateProgramWithSource(session.context, 1, &line, nil, &status)
    }
    try check("clCreateProgramWithSource", status)
    defer { clReleaseProgram(program) }
    try check("clBuildProgram", clBuildProgram(program, 1, &device, "-cl-std=CL1.2", nil, nil))
    guard let kernel = clCreateKernel(program, "fma_peak", &status) else {
      throw BenchmarkError("clCreateKernel", status)
    }
    let globalSize = session.computeUnits * groupsPerUnit * groupSize
    let output = try session.buffer([Float](repeating: 0, count: globalSize * width))
    var memory: cl_mem? = output.memory
    var factor: Float = 1
    try check("clSetKernelArg", clSetKernelArg(kernel, 0, MemoryLayout<cl_mem?>.size, &memory))
    try check("clSetKernelArg", clSetKernelArg(kernel, 1, MemoryLayout<Float>.size, &factor))
    return Variant(kernel: kernel, width: width, groupSize: groupSize, globalSize: globalSize, output: output)
  }
}
