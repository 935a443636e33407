// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  public func addBias(_ bias: MatrixView, to matrix: MatrixView) throws {
    try matrix.checkBias(bias)
  }

  public func reduce(_ reduction: Reduction) throws {
  }
}
