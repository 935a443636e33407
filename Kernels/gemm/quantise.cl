// SPDX-License-Identifier: Apache-2.0
// gemm/quantise: rounds activations to 8 bits in blocks of 32 along k, in the panels that gemm/dots reads.
// A       m x k  a[a_offset + i * row_stride + p * column_stride], f32
// panels  words of four neighbours along k, the first in the lowest byte:
//         panels[((i / WIDTH * blocks + b) * 8 + j) * WIDTH + i % WIDTH] = A[i][32 b + 4 j .. + 3] / scale, rounded to
//         -127 .. 127; blocks = ceil(k / 32); rows past m and steps past k are zero
// scales  scales[(i / WIDTH * blocks + b) * WIDTH + i % WIDTH] = max|A[i][32 b .. + 31]| / 127; NaN where one of these
//         is not a number or infinite
// Work-group (b, y) does block b of panel y: local size (4 * WIDTH, 1), global size (4 * WIDTH * blocks,
// ceil(m / WIDTH)).
// Prepend common/elements.
// gpu: defaults
#ifndef WIDTH
#define WIDTH 32 // rows of a panel
#endif
#define BLOCK 32
#define ITEMS (4 * WIDTH)

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_quantise(int m, int k, __global const float *restrict a, long a_offset, long row_stride, long column_stride,
                   __global uint *restrict panels, __global float *restrict scales) {
  __local float tile[WIDTH][BLOCK + 1]; // a column more, so that neither direction meets one bank twice
  __local float largest[4][WIDTH];
  const int item = get_local_id(0), block = get_group_id(0), panel = get_group_id(1), blocks = (k + BLOCK - 1) / BLOCK;
  for (int i = item; i < WIDTH * BLOCK; i += ITEMS) {
    // Neighbours read neighbours, along k or along m.
    const int r = row_stride == 1 ? i % WIDTH : i / BLOCK, q = row_stride == 1 ? i / WIDTH : i % BLOCK;
    const int row = panel * WIDTH + r, p = block * BLOCK + q;
    tile[r][q] = row < m && p < k ? a[a_offset + row * row_stride + p * column_stride] : 0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const int r = item % WIDTH, quarter = item / WIDTH;
  float found = 0;
  for (int q = 0; q < 8; q++) {
    const float x = fabs(tile[r][quarter * 8 + q]);
    found = isfinite(x) ? fmax(found, x) : NAN;
    if (!isfinite(x)) break;
  }
  largest[quarter][r] = found;
  barrier(CLK_LOCAL_MEM_FENCE);
  bool finite = true;
  float top = 0;
  for (int q = 0; q < 4; q++) {
    finite = finite && !isnan(largest[q][r]);
    top = fmax(top, largest[q][r]);
  }
  const long at = (long)panel * blocks + block;
  const float scale = top / 127;
  if (quarter == 0) scales[at * WIDTH + r] = finite ? scale : NAN;
  for (int j = 2 * quarter; j < 2 * quarter + 2; j++) {
    uint word = 0;
    for (int byte = 0; byte < 4; byte++) {
      // Divided twice where a scale would be subnormal: some devices take that for zero.
      const float value = tile[r][4 * j + byte];
      const float x = scale >= 0x1p-100f ? value / scale : top > 0 ? value / top * 127 : 0;
      word |= (uint)(uchar)convert_char_sat_rte(finite ? x : 0) << 8 * byte;
    }
    panels[(at * 8 + j) * WIDTH + r] = word;
  }
}
