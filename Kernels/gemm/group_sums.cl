// SPDX-License-Identifier: Apache-2.0
// gemm/group_sums: the sums of x over the groups of a quantised format, which its offsets are multiplied by.
// X     m x k  x[x_offset + i * row_stride + p * column_stride], f32
// sums  m x k / GROUP  sums[i * groups + g]: one chain of additions from +0 over ascending p
// Work-item (g, i, z) makes one sum of matrix z of a batch; x_batch and sums_batch are the elements from one to the
// next. Any work-group size. Global size (groups or more, m, matrices).
// Prepend common/elements, common/blocks.
// gpu: -DFORMAT=Q4_K

__kernel void gemm_group_sums(int m, int groups, __global const float *restrict x, long x_offset, long row_stride,
                              long column_stride, long x_batch, __global float *restrict sums, long sums_batch) {
  const long group = get_global_id(0), row = get_global_id(1);
  if (group >= groups || row >= m) return;
  x += x_offset + get_global_id(2) * x_batch + row * row_stride + group * GROUP * column_stride;
  float sum = 0;
  for (int p = 0; p < GROUP; p++) sum += x[p * column_stride];
  sums[get_global_id(2) * sums_batch + row * groups + group] = sum;
}
