// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport
import Testing

@Suite("all-gather, gather, scatter, broadcast, all-to-all") struct MovementTests {
  @Test("all-gather and gather put the pieces together", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func gathers(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    for case let (elementType, cut) in problems(ranks.count, seed) {
      let whole = Whole(cut, elementType, seed)
      let inputs = try whole.pieces(communicator.devices)
      let outputs = try communicator.devices.map { try GuardedMemory($0, count: cut.count, elementType, shift: 1) }
      try await communicator.allGather(
        inputs.map(\.operand), into: outputs.map(\.operand), cut: cut, elementType: elementType)
      for output in outputs {
        #expect(try await output.contents().matches(whole.bytes), "\(cut) \(elementType) \(seed)")
      }

      let root = ranks.count - 1
      let output = try GuardedMemory(communicator.devices[root], count: cut.count, elementType)
      try await communicator.gather(
        inputs.map(\.operand), into: output.operand, at: root, cut: cut, elementType: elementType)
      #expect(try await output.contents().matches(whole.bytes), "\(cut) \(elementType) \(seed)")
      for (rank, input) in inputs.enumerated() { #expect(try await input.contents().matches(whole.piece(rank))) }
    }
  }

  @Test("scatter gives each rank its piece", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func scatters(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    for case let (elementType, cut) in problems(ranks.count, seed) {
      let whole = Whole(cut, elementType, seed)
      let root = Int(seed.value % UInt64(ranks.count))
      let input = try GuardedMemory(communicator.devices[root], bytes: whole.bytes, elementType, shift: 1)
      let outputs = try zip(communicator.devices, cut.counts).map {
        try GuardedMemory($0, count: cut.rows * $1, elementType)
      }
      try await communicator.scatter(
        input.operand, from: root, into: outputs.map(\.operand), cut: cut, elementType: elementType)
      for (rank, output) in outputs.enumerated() {
        #expect(try await output.contents().matches(whole.piece(rank)), "rank \(rank), \(cut) \(elementType) \(seed)")
      }
    }
  }

  @Test("work in place", arguments: RankCase.all)
  func inPlace(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    for case let (elementType, cut) in problems(ranks.count, TestSeed(11)) where cut.rows == 1 {
      let whole = Whole(cut, elementType, TestSeed(11))
      let memories = try communicator.devices.enumerated().map { rank, device in
        // Only the rank's own piece is there yet.
        var bytes = [UInt8](repeating: 0xff, count: whole.bytes.count)
        let piece = whole.range(rank, row: 0)
        bytes.replaceSubrange(piece, with: whole.bytes[piece])
        return try GuardedMemory(device, bytes: bytes, elementType)
      }
      let pieces = memories.enumerated().map { rank, memory in
        Reduction.Operand(memory.memory, offset: memory.offset + cut.counts[..<rank].reduce(0, +))
      }
      try await communicator.allGather(pieces, into: memories.map(\.operand), cut: cut, elementType: elementType)
      for memory in memories { #expect(try await memory.contents().matches(whole.bytes), "\(cut) \(elementType)") }

      // The root's copy goes round again; the others' are cleared first.
      for (memory, device) in zip(memories, communicator.devices).dropFirst() where cut.count > 0 {
        try device.copy(
          MatrixView(
            try device.upload([UInt8](repeating: 9, count: whole.bytes.count)), rows: 1, columns: cut.count,
            elementType: elementType),
          to: MatrixView(
            memory.memory, rows: 1, columns: cut.count, offset: memory.offset, elementType: elementType))
      }
      try await communicator.broadcast(
        memories[0].operand, from: 0, into: memories.map(\.operand), count: cut.count, elementType: elementType)
      for memory in memories { #expect(try await memory.contents().matches(whole.bytes), "\(cut) \(elementType)") }
    }
  }

  @Test("broadcast reaches every rank", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func broadcasts(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    for elementType in ElementType.allCases {
      for count in Lengths.short + [Lengths.long] {
        var random = RandomNumbers(seed)
        let root = Int(random.next() % UInt64(ranks.count))
        let bytes = random.bytes(min(count, Lengths.period)).repeated(to: count * elementType.byteCount)
        let input = try GuardedMemory(communicator.devices[root], bytes: bytes, elementType)
        let outputs = try communicator.devices.map { try GuardedMemory($0, count: count, elementType, shift: 3) }
        try await communicator.broadcast(
          input.operand, from: root, into: outputs.map(\.operand), count: count, elementType: elementType)
        for output in outputs {
          #expect(try await output.contents().matches(bytes), "\(count) \(elementType) \(seed)")
        }
      }
    }
  }

  @Test("all-to-all sends each rank its run", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func allToAll(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    for (elementType, most) in [(ElementType.f32, 0), (.f16, 3), (.bf16, 61), (.f32, 1009)] {
      var random = RandomNumbers(seed)
      let counts = (0..<ranks.count).map { _ in (0..<ranks.count).map { _ in Int.random(in: 0...most, using: &random) }
      }
      let sent = counts.map { row in row.map { random.bytes($0 * elementType.byteCount) } }
      let inputs = try zip(communicator.devices, sent).map {
        try GuardedMemory($0, bytes: $1.flatMap { $0 }, elementType)
      }
      let received = (0..<ranks.count).map { rank in sent.flatMap { $0[rank] } }
      let outputs = try zip(communicator.devices, received).map {
        try GuardedMemory($0, count: $1.count / elementType.byteCount, elementType)
      }
      try await communicator.allToAll(
        inputs.map(\.operand), into: outputs.map(\.operand), counts: counts, elementType: elementType)
      for (rank, output) in outputs.enumerated() {
        #expect(try await output.contents().matches(received[rank]), "rank \(rank), \(counts) \(seed)")
      }
    }
  }

  @Test("all-to-all cuts a matrix the other way and back", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func recut(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    for (elementType, most) in [(ElementType.f32, 1), (.f16, 7), (.bf16, 40), (.f32, 90)] {
      var random = RandomNumbers(seed)
      let rowCounts = (0..<ranks.count).map { _ in Int.random(in: 0...most, using: &random) }
      let columnCounts = (0..<ranks.count).map { _ in Int.random(in: 0...most, using: &random) }
      let byColumns = Whole(Cut(rows: rowCounts.reduce(0, +), counts: columnCounts), elementType, seed)
      // A run of rows is one run of elements.
      let byRows = Whole(
        Cut(counts: rowCounts.map { $0 * byColumns.cut.columns }), elementType, bytes: byColumns.bytes)
      let rows = try byRows.pieces(communicator.devices)
      let columns = try zip(communicator.devices, columnCounts).map {
        try GuardedMemory($0, count: byColumns.cut.rows * $1, elementType)
      }
      try await communicator.allToAll(
        rows.map(\.operand), into: columns.map(\.operand), rowCounts: rowCounts, columnCounts: columnCounts,
        .rowsToColumns, elementType: elementType)
      for (rank, piece) in columns.enumerated() {
        #expect(
          try await piece.contents().matches(byColumns.piece(rank)), "\(rank): \(rowCounts) × \(columnCounts) \(seed)")
      }
      let back = try zip(communicator.devices, byRows.cut.counts).map { try GuardedMemory($0, count: $1, elementType) }
      try await communicator.allToAll(
        columns.map(\.operand), into: back.map(\.operand), rowCounts: rowCounts, columnCounts: columnCounts,
        .columnsToRows, elementType: elementType)
      for (rank, piece) in back.enumerated() {
        #expect(
          try await piece.contents().matches(byRows.piece(rank)), "\(rank): \(rowCounts) × \(columnCounts) \(seed)")
      }
    }
  }

  /// One row and several; even, uneven and empty pieces; sizes one either side of nothing and over one tile.
  private func problems(_ ranks: Int, _ seed: TestSeed) -> [(ElementType, Cut)] {
    var random = RandomNumbers(seed)
    let uneven = (0..<ranks).map { _ in Int.random(in: 0...13, using: &random) }
    let oneRank = (0..<ranks).map { $0 == ranks - 1 ? 17 : 0 }
    return [
      (.f32, Cut.even(0, ranks: ranks)), (.f16, Cut.even(1, ranks: ranks)), (.bf16, Cut.even(1009, ranks: ranks)),
      (.f32, Cut(counts: uneven)), (.f16, Cut(rows: 3, counts: uneven)), (.bf16, Cut(rows: 7, counts: oneRank)),
      (.f32, Cut(rows: 0, counts: uneven)), (.f32, Cut.even(Lengths.long, ranks: ranks)),
      (.f32, Cut.even(211, ranks: ranks, rows: 301)),
    ]
  }
}

/// A matrix of random bytes, and its pieces.
private struct Whole {
  let cut: Cut
  let elementType: ElementType
  let bytes: [UInt8]

  init(_ cut: Cut, _ elementType: ElementType, bytes: [UInt8]) {
    self.cut = cut
    self.elementType = elementType
    self.bytes = bytes
  }

  init(_ cut: Cut, _ elementType: ElementType, _ seed: TestSeed) {
    var random = RandomNumbers(seed)
    let byteCount = cut.count * elementType.byteCount
    self.init(cut, elementType, bytes: random.bytes(min(byteCount, Lengths.period)).repeated(to: byteCount))
  }

  /// The bytes of a rank in one row.
  func range(_ rank: Int, row: Int) -> Range<Int> {
    let start = row * cut.columns + cut.counts[..<rank].reduce(0, +)
    return start * elementType.byteCount..<(start + cut.counts[rank]) * elementType.byteCount
  }

  func piece(_ rank: Int) -> [UInt8] {
    var piece: [UInt8] = []
    for row in 0..<cut.rows { piece.append(contentsOf: bytes[range(rank, row: row)]) }
    return piece
  }

  func pieces(_ devices: [any ComputeDevice]) throws -> [GuardedMemory] {
    try devices.enumerated().map { try GuardedMemory($1, bytes: piece($0), elementType) }
  }
}
