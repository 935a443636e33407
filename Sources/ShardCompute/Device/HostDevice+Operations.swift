// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Synchronization

extension HostDevice {
  /// Enqueues the copy of a matrix.
  public func copy(_ source: MatrixView, to destination: MatrixView) throws {
    try source.checkCopy(to: destination)
    guard source.rows > 0, source.columns > 0 else { return }
    let size = source.elementType.byteCount
    let from = try elements(of: source)
    let target = try elements(of: destination)
    enqueueParallel(source.rows, grain: max(1, (1 << 18) / max(1, source.columns * size))) { rows in
      for row in rows {
        (target.address + row * destination.rowStride * size).copyMemory(
          from: from.address + row * source.rowStride * size, byteCount: source.columns * size)
      }
    }
  }

  /// Enqueues the rearrangement of matrices into the panels of `weight`.
  public func pack(_ source: MatrixBatch, into weight: Weight) throws {
    try weight.checkSource(source)
    guard weight.memory.byteCount > 0 else { return }
    for index in 0..<source.count {
      let matrix = try source.matrix(index)
      let part = source.count == 1 ? weight : weight.matrices(index..<index + 1)
      let from = try elements(of: matrix)
      let first = part.firstByte
      let target = try bytes(of: part.memory, first, part.memory.byteCount - first)
      let (width, type) = (part.panelWidth, matrix.elementType.hostType)
      enqueueParallel(part.panelCount, grain: max(1, part.panelCount / (4 * workers))) { panels in
        var matrix = matrix.hostMatrix(at: from.address)
        shard_host_pack(&matrix, width, type, target.address, panels.lowerBound, panels.upperBound)
      }
    }
  }

  /// Enqueues a product; always in the one order.
  public func multiply(_ product: Product) throws {
    guard product.m > 0, product.n > 0, !product.weight.leaves.isEmpty else { return }
    try product.checkPanels(on: self)
    for piece in try product.pieces {
      for index in 0..<piece.count { try enqueue(piece.count == 1 ? piece : piece.single(index)) }
    }
  }

  private func enqueue(_ product: Product) throws {
    let a = try elements(of: product.a)
    let first = product.weight.firstByte
    let b = try bytes(of: product.weight.memory, first, product.weight.memory.byteCount - first)
    let c = try elements(of: product.c)
    let epilogue = try HostEpilogue(product.epilogue, on: self)
    try workspace.together {
      if product.m <= Int(SHARD_HOST_GEMV_ROWS), product.a.columnStride == 1 || product.k <= 1 {
        try enqueueGEMV(product, a: a, b: b, c: c, epilogue)
      } else {
        try enqueueGEMM(product, a: a, b: b, c: c, epilogue)
      }
    }
  }

  private func enqueueGEMV(
    _ product: Product, a: Bytes, b: Bytes, c: Bytes, _ epilogue: HostEpilogue
  ) throws {
    let sums = try enqueueGroupSums(product, a: a, width: 1)
    enqueueParallel(product.weight.panelCount, grain: max(1, product.weight.panelCount / (8 * workers))) { panels in
      var call = product.hostProduct(b: b.address, sums: sums, c: c.address, epilogue)
      shard_host_gemv(
        &call, a.address.assumingMemoryBound(to: Float.self), product.a.rowStride, panels.lowerBound,
        panels.upperBound)
    }
  }

  /// Packs A, then lets the workers take blocks of C as they become free.
  private func enqueueGEMM(_ product: Product, a: Bytes, b: Bytes, c: Bytes, _ epilogue: HostEpilogue) throws {
    let height = shard_host_panel_rows()
    let rowPanels = (product.m + height - 1) / height
    let columnPanels = product.weight.panelCount
    let block = shard_host_gemm_block(product.m, product.n, workers)
    let scratchByteCount = (shard_host_gemm_scratch_bytes(block) + 4095) & ~4095
    let panels = try hostScratch(.activations, byteCount: checkedProduct(rowPanels, height, product.k, 4))
    let scratch = try hostScratch(.loops, byteCount: scratchByteCount * workers)
    let sums = try enqueueGroupSums(product, a: a, width: height)

    enqueueParallel(rowPanels, grain: max(1, rowPanels / (4 * workers))) { range in
      var matrix = product.a.hostMatrix(at: a.address)
      shard_host_pack(&matrix, height, .f32, panels.address, range.lowerBound, range.upperBound)
    }
    let next = Counter()
    let blocksDown = (rowPanels + block.rows - 1) / block.rows
    let blocks = blocksDown * ((columnPanels + block.columns - 1) / block.columns)
    enqueueOnWorkers { worker in
      var call = product.hostProduct(b: b.address, sums: sums, c: c.address, epilogue)
      while case let index = next.take(), index < blocks {
        let (row, column) = (index % blocksDown * block.rows, index / blocksDown * block.columns)
        shard_host_gemm(
          &call, panels.address.assumingMemoryBound(to: Float.self), row, min(row + block.rows, rowPanels), column,
          min(column + block.columns, columnPanels), scratch.address + worker * scratchByteCount)
      }
    }
  }

  /// Enqueues the addition of `bias` to every row of `matrix`.
  public func addBias(_ bias: MatrixView, to matrix: MatrixView) throws {
    try matrix.checkBias(bias)
    guard matrix.rows > 0, matrix.columns > 0 else { return }
    let values = try elements(of: bias)
    let target = try elements(of: matrix)
    enqueueParallel(matrix.rows, grain: 65536 / matrix.columns) { rows in
      shard_host_add_bias(
        target.address.assumingMemoryBound(to: Float.self) + rows.lowerBound * matrix.rowStride, matrix.rowStride,
        values.address.assumingMemoryBound(to: Float.self), rows.count, matrix.columns)
    }
  }

  /// Enqueues the join of several addends.
  public func reduce(_ reduction: Reduction) throws {
    guard reduction.rows > 0, reduction.count > 0 else { return }
    let size = reduction.elementType.byteCount
    let addends = try reduction.addends.map { try bytes(of: $0.memory, $0.offset * size, 0) }
    let destination = reduction.destination
    let target = try bytes(of: destination.memory, destination.offset * size, 0)
    let reducer = HostReducer(reduction)
    // Short rows go together, long ones are cut.
    let grain = 65536
    if reduction.rows == 1 {
      enqueueParallel(reduction.count, grain: grain) { range in
        reducer.run(addends.map { UnsafeRawPointer($0.address) }, into: target.address, range)
      }
    } else {
      enqueueParallel(reduction.rows, grain: grain / max(1, reduction.count)) { rows in
        for row in rows {
          reducer.run(
            addends.map { UnsafeRawPointer($0.address + row * reduction.addendStride * size) },
            into: target.address + row * reduction.destinationStride * size, 0..<reduction.count)
        }
      }
    }
  }

  /// The first element of a matrix of this device.
  func elements(of matrix: MatrixView) throws -> Bytes {
    try bytes(of: matrix.memory, matrix.offset * matrix.elementType.byteCount, 0)
  }

  func hostScratch(_ purpose: Workspace.Purpose, byteCount: Int) throws -> HostMemory {
    let memory = try workspace.memory(purpose, byteCount: byteCount, allocate: allocate)
    guard case .host(let block) = memory.storage else { preconditionFailure("host scratch lies in host memory") }
    return block
  }

  /// Hands out 0, 1, 2, … to whoever asks.
  final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    func take() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
  }
}

extension MatrixView {
  func hostMatrix(at address: UnsafeMutableRawPointer) -> shard_host_matrix {
    shard_host_matrix(
      data: address, type: elementType.hostType, rows: rows, columns: columns, row_stride: rowStride,
      column_stride: columnStride)
  }
}

extension Product {
  fileprivate func hostProduct(
    b: UnsafeMutableRawPointer, sums: HostMemory?, c: UnsafeMutableRawPointer, _ epilogue: HostEpilogue
  ) -> shard_host_product {
    shard_host_product(
      m: m, n: n, k: weight.order.length, unit: weight.order.unit, leaf_begin: UInt32(weight.leaves.lowerBound),
      leaf_end: UInt32(weight.leaves.upperBound), b: b, format: weight.format.hostFormat,
      group_sums: sums.map { UnsafePointer($0.address.assumingMemoryBound(to: Float.self)) }, alpha: alpha, beta: beta,
      c: c.assumingMemoryBound(to: Float.self), ldc: self.c.rowStride, node_stride: nodeStride,
      epilogue: epilogue.steps)
  }
}
