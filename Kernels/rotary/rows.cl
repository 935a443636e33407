// SPDX-License-Identifier: Apache-2.0
// rotary/rows: rotary embedding of the heads of each row (common/rotary), at the positions of a list, or where there is
// none at position first + row.
// x          rows x heads * head_size  x[x_offset + row * ldx + head * head_size + p]
// y          the same                  y[y_offset + row * ldy + head * head_size + p]; may be x
// angles     count x size              angles[position * size + pair], cosines before sines
// positions  rows                      positions[positions_offset + row], read where has_positions
// Work-items (x, y) of group x / lanes share the pairs of heads y * part .. y * part + part - 1, part = heads / global
// size of y, rounded up, in rows run * group .. run * group + run - 1. Global size: (ceil(rows / run) * lanes, any).
// Prepend common/elements, common/functions, common/rotary.
// check: -DFUNCTION_LANES=16
// check: -DFUNCTION_LANES=4
// gpu: defaults
__kernel void rotary_rows(int rows, int heads, int head_size, int run, int size, int interleaved, int count,
                          __global const float *restrict angles, int first, int has_positions,
                          __global const int *restrict positions, long positions_offset, __global const float *x,
                          long x_offset, long ldx, __global float *y, long y_offset, long ldy) {
  const int lane = get_local_id(0), lanes = get_local_size(0);
  const int part = (heads + (int)get_global_size(1) - 1) / (int)get_global_size(1);
  const long begin = (long)get_global_id(1) * part, end = min((long)heads, begin + part);
  const long top = (long)get_group_id(0) * run, bottom = min((long)rows, top + run);
  for (long row = top; row < bottom; row++) {
    const int position = has_positions ? positions[positions_offset + row] : first + (int)row;
    __global const float *from = x + x_offset + row * ldx;
    __global float *to = y + y_offset + row * ldy;
    for (long head = begin; head < end; head++)
      turn_head(head_size, size, interleaved, from + head * head_size, to + head * head_size, angles, count, position,
                lane, lanes);
  }
}
