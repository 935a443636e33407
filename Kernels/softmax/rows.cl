// SPDX-License-Identifier: Apache-2.0
// softmax/rows: softmax of each row (common/softmax), of the columns that no mask hides; hidden ones become 0.
// x        rows x n  x[x_offset + i * ldx + j]
// y        rows x n  y[y_offset + i * ldy + j]; may be x
// lengths  rows      lengths[lengths_offset + i], how many columns of row i count, read where HAS_LENGTHS
// Where queries > 0, rows are the queries of matrices of so many rows each, one below the other, and query q sees
// columns up to n - queries + q.
// A work-group has ITEMS work-items and `run` rows, one after the other. Global size (ceil(rows / run) * ITEMS).
// Prepend common/elements, common/functions, common/rows, common/logits, common/softmax.
// check: -DFUNCTION_LANES=16
// check: -DITEMS=128
// gpu: -DITEMS=128
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void softmax_rows(int rows, int n, int run, int queries, int has_lengths, float scale, float cap,
                  __global const float *x, long x_offset, long ldx, __global float *y, long y_offset, long ldy,
                  __global const int *lengths, long lengths_offset) {
  DECLARE_SHARED
  const long first = (long)get_group_id(0) * run, end = min((long)rows, first + run);
  for (long row = first; row < end; row++) {
    int valid = n;
    if (queries > 0) valid = max(0, n - queries + 1 + (int)(row % queries));
    if (has_lengths) valid = max(0, min(valid, lengths[lengths_offset + row]));
    softmax_row(n, valid, scale, cap, x + x_offset + row * ldx, y + y_offset + row * ldy, shared);
  }
}
