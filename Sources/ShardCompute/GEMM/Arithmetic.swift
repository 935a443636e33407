// SPDX-License-Identifier: Apache-2.0

/// How exact a product has to be.
public enum Arithmetic: String, CaseIterable, Hashable, Sendable, Codable {
  /// Activations stay f32 and terms are added in the one order (`SumOrder`): the same bits on every device.
  case ordered
  /// A device may round activations and add in another order, where its hardware multiplies those faster.
  ///
  /// It is a permission: a device without such hardware, and the CPU fallback, do what `ordered` says. Beyond the error
  /// of an f32 sum, (k + 8) · 2⁻²⁴ · Σ|a||w|, an element of a product of a row a with a row w of the weight is off by at
  /// most
  ///
  /// | kernel | hardware | activations become | error |
  /// | --- | --- | --- | --- |
  /// | `gemm/mma` | matrix units of NVIDIA GPUs, compute capability 8.0 on | f16 where the weight is f16 | 2⁻¹¹ · Σ\|a\|\|w\| + 2⁻³⁹ · max\|a\| · Σ\|w\| |
  /// | | | bf16 where the weight is bf16 | 2⁻⁸ · Σ\|a\|\|w\| |
  /// | `gemm/dots` | integer dot products, weights of Q8_0 | whole numbers from -127 to 127 in blocks of 32 | max\|a\| / 253 · Σ\|w\| of each block |
  /// | `gemm/halves` | f16 arithmetic, weights of f16 | f16, sums of 16 terms too | 17 · 2⁻¹¹ · Σ\|a\|\|w\| + k · 2⁻²⁰ · max\|a\| |
  ///
  /// Rows are scaled by powers of two before they become f16 or bf16, so that no finite activation becomes infinite. A
  /// block of 32 activations with an infinity becomes NaN in `gemm/dots`.
  case reduced
}
