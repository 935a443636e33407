// SPDX-License-Identifier: Apache-2.0
import Dispatch
import OpenCLKit
import ShardKernels
import Synchronization

/// The kernels of one device: embedded text, built with options, each made once.
final class KernelLibrary: Sendable {
  private let context: Context
  private let device: Device
  let cache: ProgramCache
  private let kernels = Mutex<[String: Kernel]>([:])

  init(context: Context, device: Device, cache: ProgramCache) {
    self.context = context
    self.device = device
    self.cache = cache
  }

  /// Whether a kernel that is not built yet may be compiled on the calling thread.
  @TaskLocal static var mayBuild = true

  /// The kernel of `Kernels/NAME.cl`, whose function is the name with `_` for `/`.
  ///
  /// - Throws: `OpenCLError` with the build log; `ComputeError.unsupported` for a name that is not embedded;
  ///   `MissingKernel` where it is not built and must not be here.
  func kernel(_ name: String, options: [String]) throws -> Kernel {
    let version = options.contains { $0.hasPrefix("-cl-std=") } ? [] : ["-cl-std=CL1.2"]
    let options = (version + options).joined(separator: " ")
    if let kernel = kernels.withLock({ $0["\(name) \(options)"] }) { return kernel }
    guard Self.mayBuild else { throw MissingKernel { [self] in _ = try build(name, options: options) } }
    return try build(name, options: options)
  }

  private func build(_ name: String, options: String) throws -> Kernel {
    guard let text = Self.texts[name] else { throw ComputeError.unsupported("there is no kernel \(name)") }
    let source = Self.shared(by: text) + text
    // Built outside the lock: two threads may build the same kernel once each, none waits for another's compiler.
    let program = try cache.program(context: context, device: device, source: source, options: options)
    let made = try Kernel(program: program, name: name.replacing("/", with: "_"))
    return kernels.withLock { kernels in
      let kernel = kernels["\(name) \(options)"] ?? made
      kernels["\(name) \(options)"] = kernel
      return kernel
    }
  }

  /// Every embedded file by its name.
  static let texts: [String: String] = {
    var texts: [String: String] = [:]
    for index in 0..<shard_kernel_source_count {
      let source = shard_kernel_source_at(index)
      let bytes = UnsafeRawBufferPointer(start: source.text, count: source.length)
      texts[String(cString: source.name)] = String(decoding: bytes, as: UTF8.self)
    }
    return texts
  }()

  /// The shared parts that the kernel's header asks for, in lines such as `// Prepend common/elements, common/leaves`.
  private static func shared(by text: String) -> String {
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("// Prepend ") }
    let names = lines.flatMap { $0.split { !$0.isLetter && $0 != "/" && $0 != "_" } }.map(String.init)
    return names.compactMap { $0.hasPrefix("common/") ? texts[$0] : nil }.joined()
  }
}

/// A kernel that has to be built or tried before a command can be enqueued.
struct MissingKernel: Error {
  /// Builds or tries it; blocks.
  let make: @Sendable () throws -> Void

  // Compilers block for seconds, which Swift's cooperative pool must not.
  private static let builders = DispatchQueue(label: "shardcl.builders", attributes: .concurrent)

  /// Suspends until that is done.
  func build() async throws {
    try await withCheckedThrowingContinuation { continuation in
      Self.builders.async {
        continuation.resume(with: Result { try make() })
      }
    }
  }
}
