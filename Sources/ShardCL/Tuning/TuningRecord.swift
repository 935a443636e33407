// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What `shardcl tune` found for one class of products on one device.
public struct TuningRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// The device's selector.
  public let device: String
  /// What the driver calls the device.
  public let name: String
  /// The kernel that was tuned.
  public let kernel: String
  /// How the weight is stored.
  public let dtype: WeightFormat
  /// Rows of the product that was measured.
  public let m: Int
  /// Columns of the result.
  public let n: Int
  /// Terms of a sum.
  public let k: Int
  /// The class of products that the parameters are for, by its largest.
  public let shapeClass: String
  /// The fastest parameters, as text; the formula's unless others were more than 2 % faster.
  public let parameters: [String: String]
  /// The formula's parameters.
  public let formula: [String: String]
  /// The rate with `parameters`, in 10⁹ operations per second.
  public let gflops: Double
  /// The rate with the formula's, in turns with it.
  public let formulaGFLOPS: Double
  /// `gflops` / `formulaGFLOPS`; 1 where the formula stays.
  public let ratio: Double
  /// Sets of parameters that were considered.
  public let candidates: Int
  /// Those that the device did not run.
  public let failures: Int
  /// Those whose results had other bits than the formula's: a fault of the kernel.
  public let wrong: [String]
  /// What the search took.
  public let seconds: Double
  /// The file with the entry; absent where there is none.
  public let stored: String?

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey {
    case schema, device, name, kernel, dtype, m, n, k, parameters, formula, gflops, ratio, candidates, failures, wrong
    case seconds, stored
    case shapeClass = "shape_class"
    case formulaGFLOPS = "formula_gflops"
  }

  /// What `result` says, and where it was stored.
  package init(_ device: any ComputeDevice, _ result: TuningResult, stored: String?) {
    schema = "shardcl.tune/1"
    self.device = device.selector
    name = device.name
    kernel = result.kernel
    dtype = result.shape.format
    (m, n, k) = (result.shape.m, result.shape.n, result.shape.k)
    shapeClass = result.shape.shapeClass.description
    parameters = result.parameters.values.mapValues(\.description)
    formula = result.formula.values.mapValues(\.description)
    gflops = result.gflops
    formulaGFLOPS = result.formulaGFLOPS
    ratio = result.gflops / result.formulaGFLOPS
    candidates = result.candidates
    failures = result.failures
    wrong = result.wrong.map(\.description)
    seconds = result.seconds
    self.stored = stored
  }
}
