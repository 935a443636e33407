// SPDX-License-Identifier: Apache-2.0
// embedding/rows: the rows of a weight in panels that token ids name, as f32, times a scale.
// ids     tokens            ids[ids_offset + t]
// panels  rows x columns    from byte panels_offset on; format, width and lane_bytes as in common/look_up; row r is
//                           that of id first_id + r
// y       tokens x columns  y[y_offset + t * ldy + c]
// Rows of ids outside [0, vocabulary) become NaN, those of other ids that are not here -0, which leaves a sum as it is;
// but where `keeps` both stay as they are. No id makes a read outside the panels.
// Work-item (t, y) has groups y * run .. y * run + run - 1 of token t; a group is some columns (common/look_up). Any
// work-group size. Global size: at least (tokens, ceil(groups / run)).
// Prepend common/elements, common/blocks, common/look_up.
// gpu: defaults
__kernel void embedding_rows(int tokens, int columns, int rows, int first_id, int vocabulary, int keeps, int run,
                             float scale, __global const int *restrict ids, long ids_offset,
                             __global const uchar *restrict panels, long panels_offset, int format, int width,
                             int lane_bytes, __global float *restrict y, long y_offset, long ldy) {
  const long token = get_global_id(0);
  if (token >= tokens) return;
  const long id = ids[ids_offset + token], row = id - first_id;
  const int group = group_columns(format);
  const bool known = id >= 0 && id < vocabulary, here = known && row >= 0 && row < rows;
  if (!here && keeps) return;
  y += y_offset + token * ldy;
  const long first = (long)get_global_id(1) * run * group, end = min((long)columns, first + (long)run * group);
  for (long c = first; c < end; c += group) {
    const int count = (int)min((long)group, end - c);
    if (here)
      look_up_columns(format, panels + panels_offset, columns, width, lane_bytes, row, c, count, scale, y + c);
    else
      for (int i = 0; i < count; i++) y[c + i] = known ? -0.0f : as_float(0x7fc00000u);
  }
}
