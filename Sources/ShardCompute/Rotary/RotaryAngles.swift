// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rotary position embedding (Su et al. 2021, https://arxiv.org/abs/2104.09864): each pair of numbers of a head is turned by
/// an angle that grows with the position.
public struct Rotary: Hashable, Sendable {
  /// Which numbers are a pair.
  public enum Pairing: Hashable, Sendable {
    /// Number i and number i + size / 2 (GPT-NeoX, and Hugging Face's Llama).
    case halves
    /// Numbers 2i and 2i + 1 (GPT-J, and GGUF's Llama).
    case interleaved
  }

  /// How frequencies are changed for contexts longer than a model was trained for.
  public enum Scaling: Hashable, Sendable {
    /// Not at all.
    case none
    /// Positions divided by a factor.
    case linear(Double)
    /// Llama 3.1: low frequencies are divided by `factor`, high ones kept, those between in between.
    case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, trainedLength: Double)
    /// YaRN (Peng et al. 2023, https://arxiv.org/abs/2309.00071): interpolation by parts, and angles' sines and cosines times
    /// `attention` (0.1 · ln(factor) + 1 where it is nil).
    case yarn(factor: Double, fast: Double, slow: Double, trainedLength: Double, attention: Double?)
    /// A divisor for each pair's frequency, as model files may have them.
    case divisors([Double])
  }

  /// Numbers of a head that are turned, from the first on; even. Those behind stay as they are.
  public let size: Int
  /// θ: pair i is turned by position · θ^(−2i / size).
  public let base: Double
  /// Which numbers are a pair.
  public let pairing: Pairing
  /// How frequencies are changed.
  public let scaling: Scaling

  /// - Throws: `ComputeError.mismatch` for a size, base or scaling that is not possible.
  public init(size: Int, base: Double = 10000, pairing: Pairing = .halves, scaling: Scaling = .none) throws {
    guard size >= 0, size.isMultiple(of: 2), size <= AttentionHeads.largestSize, base.isFinite, base > 0 else {
      throw ComputeError.mismatch(
        "rotary embedding of \(size) numbers with base \(base); an even number up to \(AttentionHeads.largestSize) and a "
          + "positive base are possible")
    }
    self.size = size
    self.base = base
    self.pairing = pairing
    self.scaling = scaling
    try checkScaling()
  }

  private func checkScaling() throws {
    func require(_ numbers: Double...) throws {
      guard numbers.allSatisfy({ $0.isFinite && $0 > 0 }) else {
        throw ComputeError.mismatch("rotary scaling \(scaling); its numbers are finite and above 0")
      }
    }
    switch scaling {
    case .none: break
    case .linear(let factor): try require(factor)
    case .llama3(let factor, let low, let high, let length):
      try require(factor, low, high, length)
      guard low < high else {
        throw ComputeError.mismatch("rotary scaling \(scaling); low frequencies are below high ones")
      }
    case .yarn(let factor, let fast, let slow, let length, let attention):
      try require(factor, fast, slow, length, attention ?? 1)
      guard base != 1 else { throw ComputeError.mismatch("rotary scaling \(scaling) with base 1") }
    case .divisors(let divisors):
      guard divisors.count == size / 2, divisors.allSatisfy({ $0.isFinite && $0 != 0 }) else {
        throw ComputeError.mismatch("\(divisors.count) rotary divisors for \(size / 2) pairs; one each, finite, not 0")
      }
    }
  }

  /// The angle of each pair for each step of position.
  package var frequencies: [Double] {
    let plain = (0..<size / 2).map { pow(base, -2 * Double($0) / Double(size)) }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .divisors(let divisors): return zip(plain, divisors).map { $0 / $1 }
    case .llama3(let factor, let low, let high, let length):
      return plain.map { frequency in
        let turns = length * frequency / (2 * .pi)
        if turns > high { return frequency }
        if turns < low { return frequency / factor }
        let share = (turns - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .yarn(let factor, let fast, let slow, let length, _):
      // The pair that makes so many turns over the trained length.
      func pair(_ turns: Double) -> Double { Double(size) * log(length / (turns * 2 * .pi)) / (2 * log(base)) }
      let first = max(0, pair(fast).rounded(.down))
      let last = min(Double(size - 1), pair(slow).rounded(.up))
      return plain.enumerated().map { index, frequency in
        let ramp = min(1, max(0, (Double(index) - first) / max(0.001, last - first)))
        return frequency / factor * ramp + frequency * (1 - ramp)
      }
    }
  }

  /// What sines and cosines are multiplied by.
  package var magnitude: Double {
    guard case .yarn(let factor, _, _, _, let attention) = scaling else { return 1 }
    return attention ?? (factor <= 1 ? 1 : 0.1 * log(factor) + 1)
  }
}

/// The sines and cosines of a `Rotary` for positions from 0 on, in a device's memory; computed on the host in f64, so that
/// they are the same for every device.
public struct RotaryAngles: Sendable {
  /// What they are of.
  public let rotary: Rotary
  /// Positions.
  public let count: Int
  /// For each position the cosines of all pairs, then their sines.
  let memory: DeviceMemory

  /// - Throws: `ComputeError.mismatch` for a negative count, or the driver's error.
  public init(_ rotary: Rotary, count: Int, on device: any ComputeDevice) throws {
    memory = try device.allocate(byteCount: checkedProduct(count, rotary.size, 4))
    self.rotary = rotary
    self.count = count
    guard rotary.size > 0 else { return }
    let host = HostMemory(byteCount: memory.byteCount)
    let (frequencies, magnitude) = (rotary.frequencies, rotary.magnitude)
    host.withMutableBytes { bytes in
      let values = bytes.assumingMemoryBound(to: Float.self)
      for position in 0..<count {
        for (pair, frequency) in frequencies.enumerated() {
          let angle = Double(position) * frequency
          values[position * rotary.size + pair] = Float(magnitude * cos(angle))
          values[position * rotary.size + rotary.size / 2 + pair] = Float(magnitude * sin(angle))
        }
      }
    }
    try device.write(host, at: 0, byteCount: memory.byteCount, to: memory, at: 0)
  }
}
