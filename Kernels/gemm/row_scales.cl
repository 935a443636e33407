// SPDX-License-Identifier: Apache-2.0
// gemm/row_scales: powers of two that bring the rows of a matrix into the range of a narrow type.
// A       m x k  a[a_offset + i * row_stride + p * column_stride], f32
// scales  m      a power of two s with |A[i][p]| / s < 2^TOP for every finite element of row i, and the largest at
//                least 2^(TOP - 1) unless s is at its lower bound 2^-110; both s and 1 / s are normal numbers
// Work-group i of ITEMS items does row i: local size (ITEMS), global size (ITEMS * m).
// Prepend common/elements.
// gpu: -DTOP=15
// gpu: -DTOP=-4
#ifndef ITEMS
#define ITEMS 64 // a power of two
#endif
#ifndef TOP
#define TOP 15 // -2 .. 15; f16 ends just below 2^16, so that what rounds up to 2^15 is inside
#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_row_scales(int k, __global const float *restrict a, long a_offset, long row_stride, long column_stride,
                     __global float *restrict scales) {
  __local float largest[ITEMS];
  const int item = get_local_id(0), row = get_group_id(0);
  a += a_offset + row * row_stride;
  float found = 0;
  for (int p = item; p < k; p += ITEMS) {
    const float x = fabs(a[p * column_stride]);
    found = isfinite(x) ? fmax(found, x) : found;
  }
  largest[item] = found;
  for (int items = ITEMS / 2; items > 0; items /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < items) largest[item] = fmax(largest[item], largest[item + items]);
  }
  // Straight from and to the bits of the exponent: exact on every device, subnormals or not.
  if (item == 0) scales[row] = as_float((uint)clamp((int)(as_uint(largest[0]) >> 23) + 1 - TOP, 17, 253) << 23);
}
