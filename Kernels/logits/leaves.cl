// SPDX-License-Identifier: Apache-2.0
// logits/leaves: the nodes of the leaves of each row, for a log of a sum of exponentials (common/log_sums).
// x      rows x n       x[x_offset + i * ldx + j]; column 0 begins a leaf
// nodes  rows x leaves  nodes[(i * leaves + leaf) * 2], and s in the next one; leaves = ceil(n / LEAF_COLUMNS)
// Group (i, leaf) of ITEMS work-items makes one node. Global size (rows * ITEMS, leaves).
// Prepend common/elements, common/functions, common/rows, common/logits, common/log_sums.
// check: -DFUNCTION_LANES=16
// check: -DITEMS=128
// gpu: -DITEMS=128
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void logits_leaves(int n, float scale, float cap, __global const float *x, long x_offset, long ldx,
                   __global float *nodes) {
  DECLARE_SHARED
  const long row = get_group_id(0), leaf = get_group_id(1), leaves = get_num_groups(1);
  log_sum_leaf((int)min((long)LEAF_COLUMNS, n - leaf * LEAF_COLUMNS), scale, cap,
               x + x_offset + row * ldx + leaf * LEAF_COLUMNS, nodes + (row * leaves + leaf) * 2, shared);
}
