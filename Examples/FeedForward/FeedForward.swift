// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardModels

/// Runs the two cut matrices of a model's first feed-forward block on a mesh: `FeedForward MODEL [DEVICES]`.
///
/// The up-projection is column-parallel and the down-projection row-parallel, so nothing crosses the ranks between them
/// and one all-reduce follows (Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053).
@main struct FeedForward {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let path = arguments.first else { return print("usage: FeedForward MODEL.gguf [DEVICES]") }
    let mesh = try DeviceMesh(selecting: arguments.dropFirst().first)
    let model = try ModelFile.open(path)
    let down = try RowParallelLinear(
      weight: try WeightMatrix(model.tensor("blk.0.ffn_down.weight")), on: mesh, unit: 256)
    let up = try ColumnParallelLinear(
      weight: try WeightMatrix(model.tensor("blk.0.ffn_up.weight")), on: mesh, partition: down.weight.partition)

    let tokens = 4
    let x = try ShardedTensor(
      (0..<tokens * up.weight.columns).map { Float($0 % 7) - 3 }, rows: tokens, columns: up.weight.columns, on: mesh,
      placement: .replicate)
    let y = try await down(up(x)).download()
    for rank in mesh.ranks { print("rank \(rank.index): \(rank.device.selector), \(rank.device.name)") }
    print("\(tokens) × \(y.count / tokens), the first row begins with \(y.prefix(4))")
  }
}
