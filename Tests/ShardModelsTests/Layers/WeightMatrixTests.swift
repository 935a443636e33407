// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import Testing

@testable import ShardModels

@Suite("weights of a model") struct WeightMatrixTests {
  @Test("are handed out part by part as f32, f16 and bf16", arguments: DequantiseTests.types)
  func parts(type: TensorType) throws {
    let (stored, values) = try DequantiseTests.reference(type)
    let columns = type.elementsPerBlock..<stored.columns
    let wanted = (0..<2).flatMap { row in columns.map { values[row * stored.columns + $0] } }
    for elementType in ElementType.allCases {
      let matrix = try WeightMatrix(stored, as: WeightFormat(elementType))
      let part = try matrix.block(rows: 0..<2, columns: columns)
      #expect(part.byteCount == wanted.count * elementType.byteCount)
      let expected = HostMemory(wanted, as: elementType).floats(0..<wanted.count, elementType)
      #expect(part.floats(0..<wanted.count, elementType).map(\.bitPattern) == expected.map(\.bitPattern))
    }
    #expect(try WeightMatrix(stored).format == (type.weightFormat ?? .f32))
  }

  @Test("are handed out in their own blocks, and in those of no other format", arguments: DequantiseTests.types)
  func blocks(type: TensorType) throws {
    let (stored, _) = try DequantiseTests.reference(type)
    guard let format = type.weightFormat else {
      #expect(throws: ModelFileError.self) { try WeightMatrix(stored, as: .q8_0) }
      return
    }
    let matrix = try WeightMatrix(stored, as: format)
    let columns = type.elementsPerBlock..<stored.columns
    let part = try matrix.block(rows: 0..<2, columns: columns)
    let all = try stored.withBytes(rows: 0..<stored.rows) { Array($0) }
    let start = type.bytesPerBlock
    let expected = (0..<2).flatMap { all[$0 * stored.bytesPerRow + start..<($0 + 1) * stored.bytesPerRow] }
    #expect(part.array(of: UInt8.self) == expected)
    #expect(throws: ModelFileError.self) { try matrix.block(rows: 0..<1, columns: 0..<stored.columns + 1) }
    if format.isQuantised {
      #expect(throws: ModelFileError.self) { try matrix.block(rows: 0..<1, columns: 1..<stored.columns) }
      for other in WeightFormat.allCases where other.isQuantised && other != format {
        #expect(throws: ModelFileError.self) { try WeightMatrix(stored, as: other) }
      }
    }
  }

  @Test("keep the bytes of the file where the type is the file's")
  func bytes() throws {
    let (stored, _) = try DequantiseTests.reference(.bf16)
    let block = try WeightMatrix(stored).block(rows: 1..<2, columns: 0..<stored.columns)
    let raw = try stored.withBytes(rows: 1..<2) { Array($0) }
    #expect(block.array(of: UInt8.self) == raw)
  }

  @Test("make one product for each distinct layer and number of rows, sharded by its role")
  func problems() async throws {
    let folder = try TemporaryFolder()
    let model = try ModelFile.open(try folder.write("tiny.gguf", TinyModel.gguf()))
    let problems = try model.matmulProblems().map { try $0() }
    #expect(problems.count == 7 * 2 + 1)
    #expect(problems.map(\.m) == [512, 1, 512, 1, 512, 1, 512, 1, 512, 1, 512, 1, 512, 1, 1])
    #expect(
      problems.filter { $0.layout == .row }.compactMap(\.layer).allSatisfy {
        $0.contains("output") || $0.contains("down")
      })
    #expect(try model.matmulProblems(rows: [3, 4]).count == 8 * 2)

    let mesh = try DeviceMesh([HostDevice(workers: 1), HostDevice(workers: 1), HostDevice(workers: 1)])
    let benchmark = MatmulBenchmark(on: mesh, budget: TimingBudget(seconds: 0, rounds: 1))
    for problem in problems {
      let record = try await benchmark.run(problem)
      #expect(record.verified == true, "\(record)")
      #expect(record.layer == problem.layer && record.ranks == 3 && record.weightFormat == "F32")
    }
  }
}
