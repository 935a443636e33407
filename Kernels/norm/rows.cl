// SPDX-License-Identifier: Apache-2.0
// norm/rows: RMSNorm or LayerNorm of each row (common/norm), of what a residual makes of it where STEPS has ADDS.
// A row is a run of n columns of a line, of which a line has `heads`: row i is in line i / heads, from column
// i % heads * n on.
// x       rows / heads lines  x[x_offset + line * ldx + column], written where ADDS
// delta   the same            delta[delta_offset + line * ldd + column], read where ADDS
// weight  n                   weight[weight_offset + j], read where WEIGHTED; bias alike, where BIASED
// y       the same lines      y[y_offset + line * ldy + column]; may be x, or delta where ADDS
// A work-group has ITEMS work-items and `run` rows, one after the other. Global size (ceil(rows / run) * ITEMS).
// Prepend common/elements, common/functions, common/rows, common/norm.
// check: -DFUNCTION_LANES=16
// check: -DITEMS=128
// gpu: -DITEMS=128
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void norm_rows(int rows, int n, int heads, int run, int steps, float inverse_n, float epsilon, float unit,
               __global float *x, long x_offset, long ldx, __global const float *delta, long delta_offset, long ldd,
               __global const float *weight, long weight_offset, __global const float *bias, long bias_offset,
               __global float *y, long y_offset, long ldy) {
  DECLARE_SHARED
  const long first = (long)get_group_id(0) * run, end = min((long)rows, first + run);
  norm_lines(first, end, n, heads, steps, inverse_n, epsilon, unit, x + x_offset, ldx, delta + delta_offset, ldd,
             weight + weight_offset, bias + bias_offset, y + y_offset, ldy, shared);
}
