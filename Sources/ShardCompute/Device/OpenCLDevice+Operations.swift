// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the addition of `bias` to every row of `matrix`.
  public func addBias(_ bias: MatrixView, to matrix: MatrixView) throws {
    try matrix.checkBias(bias)
  }

  /// Enqueues the join of several addends.
  public func reduce(_ reduction: Reduction) throws {
  }
}
