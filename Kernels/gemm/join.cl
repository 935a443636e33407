// SPDX-License-Identifier: Apache-2.0
// gemm/join: finishes a product whose leaves are in splits (gemm/tiled, gemm/block_tiles): joins their sums in the one
// order (common/leaves) and does what those kernels do with a sum of all leaves. Leaves are counted in splits here:
// [begin, end) of what LEAVES becomes.
// splits  m x n each  splits[s * split_stride + i * n + j], f32, the sum of split begin + s
// C       m x n       c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// Work-item (x, i, z) has columns 4 * x .. 4 * x + 3 of row i of product z of a batch, which lie m * n and c_batch
// elements from the product before. Any work-group size. Global size (ceil(n / 4) or more, m, products).
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/functions, common/epilogue.
// gpu: defaults
// gpu: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1

// `count` elements, at most four; the others are 0.
INLINE float4 load_some(__global const float *p, int count) {
  if (count >= 4) return vload4(0, p);
  return (float4)(p[0], count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0);
}

__kernel void gemm_join(int m, int n, int begin, int end, float alpha, float beta,
                        __global const float *restrict splits, long split_stride, __global float *restrict c,
                        long c_offset, long ldc, long node_stride, long c_batch EPILOGUE_ARGUMENTS) {
  const int column = 4 * get_global_id(0), row = get_global_id(1);
  if (column >= n || row >= m) return;
  splits += ((long)get_global_id(2) * m + row) * n + column;
  c += c_offset + get_global_id(2) * c_batch;
  for (int first = begin; first < end;) {
    int size = LEAVES; // of the largest complete subtree that begins here: a node
    while (first % size || first + size > end) size /= 2;
    float4 sum[LEAVES];
    _Pragma("unroll") for (int s = 0; s < LEAVES; s++)
      sum[s] = s < size ? load_some(splits + s * split_stride, n - column) : 0;
    _Pragma("unroll") for (int apart = 1; apart < LEAVES; apart *= 2) {
      _Pragma("unroll") for (int s = 0; s < LEAVES; s += 2 * apart)
        if (apart < size) sum[s] = sum[s] + sum[s + apart];
    }
    store_finished(sum[0], n - column, alpha, beta, row, column, c, ldc EPILOGUE_FROM(0, 0));
    splits += size * split_stride;
    c += node_stride;
    first += size;
  }
}
