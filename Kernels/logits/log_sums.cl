// SPDX-License-Identifier: Apache-2.0
// logits/log_sums: the log of a sum of exponentials of each row, from the nodes of its leaves (common/log_sums).
// nodes  rows x leaves  nodes[(i * leaves + leaf) * 2], and s in the next one
// y      rows           y[y_offset + i * ldy]
// Work-item i has row i. Any work-group size. Global size: at least rows.
// Prepend common/elements, common/functions, common/rows, common/logits, common/log_sums.
// stack: 260, the nodes that wait
// gpu: -DITEMS=128
__kernel void logits_log_sums(int rows, long leaves, __global const float *nodes, __global float *y, long y_offset,
                              long ldy) {
  const long row = get_global_id(0);
  if (row < rows) y[y_offset + row * ldy] = log_sum(leaves, nodes + row * leaves * 2);
}
