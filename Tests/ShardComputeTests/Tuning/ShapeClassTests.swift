// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ShardCompute

@Suite("classes of shapes") struct ShapeClassTests {
  @Test(
    "round sizes up to powers of two, within limits",
    arguments: [
      ((1, 1, 1), "1x64x64"), ((2, 64, 65), "2x64x128"), ((3, 2048, 2049), "4x2048x4096"),
      ((4, 100, 100), "4x128x128"), ((5, 1 << 20, 1 << 30), "8x65536x65536"), ((257, 65535, 65537), "512x65536x65536"),
      ((1 << 31, 0, 0), "4096x64x64"),
    ])
  func rounding(sizes: (Int, Int, Int), text: String) {
    let shape = ShapeClass(m: sizes.0, n: sizes.1, k: sizes.2, format: .f32)
    #expect(shape.description == text)
    // The largest shape of a class is in it.
    #expect(ShapeClass(m: shape.m, n: shape.n, k: shape.k, format: .f32) == shape)
  }

  @Test("differ by format") func formats() {
    #expect(ShapeClass(m: 1, n: 64, k: 64, format: .f32) != ShapeClass(m: 1, n: 64, k: 64, format: .f16))
  }
}
