// SPDX-License-Identifier: Apache-2.0
// elementwise/add_bias: adds a row to every row of a matrix.
// C  m x n  c[c_offset + i * ldc + j] += bias[bias_offset + j], f32
// Work-item (x, y) has columns 4 * x .. 4 * x + 3 of row y. Any work-group size. Global size (ceil(n / 4), m).
// gpu: defaults
__kernel void elementwise_add_bias(int m, int n, __global const float *restrict bias, long bias_offset,
                                   __global float *restrict c, long c_offset, long ldc) {
  const long i = get_global_id(1), j = get_global_id(0) * 4L;
  if (i >= m || j >= n) return;
  bias += bias_offset + j;
  c += c_offset + i * ldc + j;
  if (n - j >= 4) {
    vstore4(vload4(0, c) + vload4(0, bias), 0, c);
  } else {
    for (int v = 0; v < n - j; v++) c[v] += bias[v];
  }
}
