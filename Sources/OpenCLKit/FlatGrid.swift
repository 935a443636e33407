// SPDX-License-Identifier: Apache-2.0

/// A launch whose work-groups all lie along the third dimension, for PoCL, whose cache of loaded kernels miscounts.
///
/// PoCL (seen with 3.1) loads a kernel anew for each wider grid, where the width is that of the first two dimensions, but
/// gives it back by the size of its work-groups alone. Where commands of one kernel with different widths overlap, on
/// parts of a device or in several contexts, it may count down the wrong one and ends the process: `Assertion
/// found->ref_count > 0`. So all grids get the same width: programs begin with `prelude`, which turns numbers along the
/// third dimension back into three; the sizes it needs travel as the global offset, which no kernel here has another use
/// for.
struct FlatGrid {
  /// Work-items of the grid.
  let global: [Int]
  /// Work-items of a work-group.
  let local: [Int]
  /// Work-groups along the first two dimensions of the grid that was asked for.
  let offset: [Int]

  /// The most work-items of a work-group whose size nobody asked for.
  private static let defaultWidth = 64

  /// The flat form of `size`, nil where its work-groups do not fill it: an error that is the driver's to report.
  init?(_ size: LaunchSize) {
    func padded(_ sizes: [Int]) -> [Int] { sizes + [Int](repeating: 1, count: max(0, 3 - sizes.count)) }
    let items = padded(size.global)
    let width = (1...Self.defaultWidth).last { items[0].isMultiple(of: $0) } ?? 1
    let group = padded(size.local.isEmpty ? [width] : size.local)
    guard items.count == 3, group.count == 3, size.local.isEmpty || size.local.count == size.global.count,
      zip(items, group).allSatisfy({ $1 > 0 && $0 > 0 && $0.isMultiple(of: $1) })
    else { return nil }
    let groups = zip(items, group).map { $0 / $1 }
    let all = groups.reduce(into: (product: group[2], overflows: false)) {
      let (product, overflow) = $0.product.multipliedReportingOverflow(by: $1)
      $0 = (product, $0.overflows || overflow)
    }
    guard !all.overflows else { return nil }
    global = [group[0], group[1], all.product]
    local = group
    offset = [groups[0], groups[1], 0]
  }

  /// Whether launches on `platform` are flat.
  static func isUsed(on platform: Platform) -> Bool { platform.isPoCL }

  /// OpenCL C that stands before the source of each program.
  static let prelude = """
    static size_t flat_num_groups(uint d) {
      const size_t x = get_global_offset(0), y = get_global_offset(1);
      return d == 0 ? x : d == 1 ? y : d == 2 ? get_num_groups(2) / (x * y) : 1;
    }
    static size_t flat_group_id(uint d) {
      const size_t x = get_global_offset(0), y = get_global_offset(1), group = get_group_id(2);
      return d == 0 ? group % x : d == 1 ? group / x % y : d == 2 ? group / (x * y) : 0;
    }
    #define get_num_groups(d) flat_num_groups(d)
    #define get_group_id(d) flat_group_id(d)
    #define get_global_size(d) (flat_num_groups(d) * get_local_size(d))
    #define get_global_id(d) (flat_group_id(d) * get_local_size(d) + get_local_id(d))
    #define get_global_linear_id() \\
      ((get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0))
    #define get_global_offset(d) ((size_t)0)
    #line 1

    """
}

extension Program {
  /// What the driver compiles for `source`; a cached binary depends on all of it.
  package static func source(_ source: String, for device: Device) -> String {
    FlatGrid.isUsed(on: device.platform) ? FlatGrid.prelude + source : source
  }
}
