// SPDX-License-Identifier: Apache-2.0

/// Sides and strides of matrices: far beyond any memory, and small enough that one of them times the bytes of an
/// element, or rounded up to a panel, does not overflow. An empty matrix may claim a huge side all the same.
package let possibleSizes = 0...Int.max >> 6

/// The product of sizes, all 0 or more.
///
/// - Throws: `ComputeError.mismatch` where one is negative or the product does not fit an `Int`.
package func checkedProduct(_ sizes: Int...) throws -> Int {
  try sizes.reduce(1) { product, size in
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    guard size >= 0, !overflow else {
      throw ComputeError.mismatch("sizes \(sizes); each is 0 or more, and their product fits 63 bits")
    }
    return next
  }
}

/// The sum of sizes, all 0 or more.
///
/// - Throws: `ComputeError.mismatch` where one is negative or the sum does not fit an `Int`.
package func checkedSum(_ sizes: Int...) throws -> Int {
  try sizes.reduce(0) { sum, size in
    let (next, overflow) = sum.addingReportingOverflow(size)
    guard size >= 0, !overflow else {
      throw ComputeError.mismatch("sizes \(sizes); each is 0 or more, and their sum fits 63 bits")
    }
    return next
  }
}

/// Of two positive numbers far below 2³¹.
package func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
  var (divisor, rest) = (a, b)
  while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
  return a / divisor * b
}
