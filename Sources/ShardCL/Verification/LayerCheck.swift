// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An operation between two products on one device, bit for bit against the CPU fallback, and where that makes sense
/// against f64.
struct LayerCheck: Sendable, CustomStringConvertible {
  /// What is done with a matrix.
  enum Operation: Hashable, Sendable {
    /// Of heads of 40 columns where there is a head, with a delta where that is added first.
    case norm(Norm.Kind, addsDelta: Bool = false, isPerHead: Bool = false)
    /// With a causal mask and lengths where it is masked.
    case softmax(isMasked: Bool)
    /// Of heads of 40 columns, all of each or 24; at positions of a list where it is listed.
    case rotation(Rotary.Pairing, isPartial: Bool, isListed: Bool)
    /// Of two matrices, or of the columns of one by turns.
    case gate(Epilogue.Activation, inPairs: Bool)
    /// Of ids of which some are not there.
    case lookUp(WeightFormat)
    case topK(Int)
    case logSumExp
  }

  let operation: Operation
  let rows: Int
  let columns: Int
  private static let headSize = 40
  private static let firstPosition = 1000

  var description: String {
    let name =
      switch operation {
      case .norm(let kind, let addsDelta, let isPerHead):
        "norm/\(kind)" + (addsDelta ? "-delta" : "") + (isPerHead ? "-heads" : "")
      case .softmax(let isMasked): "softmax/\(isMasked ? "masked" : "plain")"
      case .rotation(let pairing, let isPartial, let isListed):
        "rotation/\(pairing)" + (isPartial ? "-partial" : "") + (isListed ? "-listed" : "")
      case .gate(let activation, let inPairs): "gate/\(activation.rawValue)-\(inPairs ? "pairs" : "apart")"
      case .lookUp(let format): "look-up/\(format.rawValue)"
      case .topK(let k): "top-k/\(k)"
      case .logSumExp: "log-sum/nodes"
      }
    return "\(name)/\(rows)x\(columns)"
  }

  func run(on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    let numbers = SeededNumbers(seed: seed, name: "\(self)")
    let (x, others) = (
      numbers.floats(rows * columns), SeededNumbers(seed: numbers.seed, name: "other").floats(rows * columns)
    )
    let (found, stray) = try await result(on: device, x, others, numbers)
    let (expected, _) = try await result(on: HostDevice(), x, others, numbers)
    var findings = Findings()
    findings.strayBytes = stray
    findings.sameBits = found.map(\.bitPattern) == expected.map(\.bitPattern)
    findings.largestErrorOverBound = judge(x, others)?.largestErrorOverBound(of: found) ?? 0
    return findings
  }

  /// What the result must be close to; nil where bits are all there is.
  private func judge(_ x: [Float], _ others: [Float]) -> LayerReference? {
    switch operation {
    case .norm(let kind, let addsDelta, let isPerHead):
      let width = isPerHead ? Self.headSize : columns
      return .norm(
        kind, addsDelta ? zip(x, others).map { $0 + $1 } : x, columns: width, weight: Array(others.prefix(width)),
        weightOffset: 1, epsilon: 1e-5)
    case .softmax(isMasked: false): return .softmax(x, columns: columns, scale: 9, softCap: 5)
    case .rotation(let pairing, let isPartial, let isListed):
      guard let rotary = try? rotary(pairing, isPartial) else { return nil }
      return .rotation(
        rotary, x, columns: columns, headSize: Self.headSize, positions: (0..<rows).map { position($0, isListed) })
    case .gate(let activation, inPairs: false):
      return .elementwise(activation, x, times: others, scale: 2, columns: columns)
    case .logSumExp: return .logSumExp(x, columns: columns, scale: 9)
    case .softmax, .gate, .lookUp, .topK: return nil
    }
  }

  /// The result's elements, or what stands for them as floats, and how many bytes around them were written.
  private func result(
    on device: any ComputeDevice, _ x: [Float], _ others: [Float], _ numbers: SeededNumbers
  ) async throws -> ([Float], strayBytes: Int) {
    func matrix(_ values: [Float]) throws -> GuardedOperand {
      try GuardedOperand(device, values, count: values.count)
    }
    func view(_ memory: GuardedOperand, rows: Int? = nil, columns: Int? = nil) throws -> MatrixView {
      try MatrixView(
        memory.memory, rows: rows ?? self.rows, columns: columns ?? self.columns, offset: memory.offset)
    }
    let target = try GuardedOperand(device, count: rows * columns)
    let source = try matrix(x)
    switch operation {
    case .norm(let kind, let addsDelta, let isPerHead):
      let width = isPerHead ? Self.headSize : columns
      try device.normalise(
        Norm(
          kind, of: view(source), adding: addsDelta ? view(matrix(others)) : nil,
          weight: view(matrix(Array(others.prefix(width))), rows: 1, columns: width), weightOffset: 1, epsilon: 1e-5,
          headSize: isPerHead ? width : nil, into: view(target)))
    case .softmax(let isMasked):
      let lengths = (0..<rows).map { Int32($0 * columns / max(1, rows - 1)) }
      try device.softmax(
        Softmax(
          of: view(source), scale: 9, softCap: 5, causalOver: isMasked ? rows : nil,
          lengths: isMasked ? IndexVector(device.upload(lengths), count: rows) : nil, into: view(target)))
    case .rotation(let pairing, let isPartial, let isListed):
      let places = (0..<rows).map { Int32(position($0, isListed)) }
      try device.rotate(
        Rotation(
          of: view(source), headSize: Self.headSize,
          by: RotaryAngles(rotary(pairing, isPartial), count: Self.firstPosition + 3 * rows, on: device),
          at: isListed ? .each(IndexVector(device.upload(places), count: rows)) : .from(Self.firstPosition),
          into: view(target)))
    case .gate(let activation, let inPairs):
      let pairs = try view(matrix(x + others), columns: 2 * columns).pairs()
      try device.apply(
        Elementwise(
          activation, of: inPairs ? pairs.0 : view(source), times: inPairs ? pairs.1 : view(matrix(others)), scale: 2,
          into: view(target)))
    case .lookUp(let format): try lookUp(format, on: device, seed: numbers.seed, into: view(target))
    case .topK(let k): return try await candidates(k, of: view(source), on: device)
    case .logSumExp: return try await logSums(of: view(source), on: device)
    }
    let (elements, stray) = try await target.contents()
    return (elements.array(of: Float.self), stray)
  }

  private func rotary(_ pairing: Rotary.Pairing, _ isPartial: Bool) throws -> Rotary {
    try Rotary(size: isPartial ? 24 : Self.headSize, pairing: pairing)
  }

  /// The position of a row; in a list one that is far away, and none for the second row.
  private func position(_ row: Int, _ isListed: Bool) -> Int {
    guard isListed else { return Self.firstPosition + row }
    return row == 1 ? -1 : Self.firstPosition + 3 * rows - 1 - 2 * row
  }

  /// Ids of rows that are here, of others, and of none.
  private func lookUp(
    _ format: WeightFormat, on device: any ComputeDevice, seed: UInt64, into result: MatrixView
  ) throws {
    let stored = try Numbers.random.weight(rows: rows, columns: columns, format, seed: seed, "weight")
    let weight = try device.makeWeight(
      stored, rows: rows, order: SumOrder(length: columns, unit: format.blockLength), format: format)
    let ids = try device.upload((0..<rows).map { Int32($0 * 3 - 2) })
    try device.lookUp(
      LookUp(
        IndexVector(ids, count: rows), in: weight, firstID: 2, vocabulary: 2 * rows, scale: 3, into: result))
  }

  private func candidates(
    _ k: Int, of x: MatrixView, on device: any ComputeDevice
  ) async throws -> ([Float], strayBytes: Int) {
    let words = 2 * rows * k
    let best = try GuardedMemoryTail(device, words: words)
    try device.findTop(TopK(k, of: x, into: CandidateMatrix(best.memory, rows: rows, count: k)))
    return try await best.contents()
  }

  private func logSums(of x: MatrixView, on device: any ComputeDevice) async throws -> ([Float], strayBytes: Int) {
    let leaves = LeafSums.leaves(of: columns)
    let nodes = try GuardedMemoryTail(device, words: 2 * rows * leaves)
    let target = try GuardedOperand(device, count: rows)
    try device.sumLeaves(LeafSums(of: x, scale: 9, into: nodes.memory))
    try device.joinLeaves(
      LogSumExp(
        of: nodes.memory, leaves: leaves,
        into: MatrixView(target.memory, rows: rows, columns: 1, offset: target.offset)))
    let (elements, stray) = try await target.contents()
    return (elements.array(of: Float.self), try await stray + nodes.contents().strayBytes)
  }
}

/// Device memory for some words that begins with them, with words behind that nobody may write.
private struct GuardedMemoryTail {
  let device: any ComputeDevice
  let memory: DeviceMemory
  let words: Int
  private static let guards = 16
  private static let pattern: UInt32 = 0xa5a5_a5a5

  init(_ device: any ComputeDevice, words: Int) throws {
    self.device = device
    self.words = words
    memory = try device.upload([UInt32](repeating: Self.pattern, count: words + Self.guards))
  }

  func contents() async throws -> ([Float], strayBytes: Int) {
    let all = try await device.download(memory, as: UInt32.self)
    return (all.prefix(words).map(Float.init(bitPattern:)), 4 * all.suffix(Self.guards).count { $0 != Self.pattern })
  }
}
