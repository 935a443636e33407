// SPDX-License-Identifier: Apache-2.0
// gemv/lanes: C = alpha * X . B^T + beta * C for few rows on GPUs, in the one order (common/leaves); reads every weight
// once. k_local is the part of k in leaves [leaf_begin, leaf_end).
// X  m x k_local  x[x_offset + i * ldx + p], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE     the panels of gemm/tiled
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// A work-item is one column of a panel and one leaf: neighbours read neighbours, and leaves meet in local memory.
// Local size (NR, LEAVES), global size (ceil(n / NR) * NR, LEAVES). Local memory: LEAVES * ROWS * NR floats.
// 1 <= m <= ROWS; spare rows repeat the last one and are not stored. Edges: any n, k.
// Where GATED, the item of an even column finishes the next one too. EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch, common/functions, common/epilogue.
// gpu: -DROWS=* -DB_TYPE=*
// gpu: -DROWS=1 -DEPILOGUE=1 -DFUNCTION_LANES=1 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DROWS=8 -DEPILOGUE=1 -DFUNCTION_LANES=1 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
#ifndef ROWS
#define ROWS 1 // 1, 2, 4, 8
#endif
#ifndef NR
#define NR 32 // columns of a panel; NR * 8 is at most the device's largest work-group
#endif
#ifndef B_TYPE
#define B_TYPE F32 // F32, F16, BF16
#endif
#ifndef UNROLL_K
#define UNROLL_K 8 // reads in flight of a work-item
#endif
#if !ELEMENT(B_TYPE)
#error "gemv/lanes: B_TYPE must be F32, F16 or BF16"
#endif
#define UNROLL _Pragma("unroll")

// sum[i] += x[i] . weights over `steps` steps of k; `steps` is UNROLL_K where it is a constant.
INLINE void multiply(int m, int steps, __global const float *x, long ldx, __global const STORAGE(B_TYPE) *weights,
                            float sum[ROWS]) {
  float weight[UNROLL_K];
  UNROLL for (int p = 0; p < UNROLL_K; p++) weight[p] = p < steps ? LOAD(B_TYPE, 1)(weights + p * NR) : 0;
  UNROLL for (int p = 0; p < UNROLL_K; p++) {
    if (p < steps) {
      UNROLL for (int i = 0; i < ROWS; i++) sum[i] = fma(x[min(i, m - 1) * ldx + p], weight[p], sum[i]);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(NR, LEAVES, 1)))
void gemv_lanes(int m, int n, int k, int unit, int leaf_begin, int leaf_end, float alpha, float beta,
                __global const float *restrict x, long x_offset, long ldx, __global const STORAGE(B_TYPE) *restrict b,
                __global float *restrict c, long c_offset, long ldc, long node_stride, long4 batch
                EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(x, b, c)
  __local float partial[LEAVES][ROWS][NR];
  const int lane = get_local_id(0), leaf = get_local_id(1), panel = get_group_id(0), column = panel * NR + lane;
  const bool owned = leaf >= leaf_begin && leaf < leaf_end;
  float sum[ROWS];
  UNROLL for (int i = 0; i < ROWS; i++) sum[i] = 0;
  if (owned) {
    const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
    const int stop = leaf_border(leaf + 1, k, unit) - begin;
    int p = leaf_border(leaf, k, unit) - begin;
    __global const STORAGE(B_TYPE) *weights = b + ((long)panel * k_local + p) * NR + lane;
    x += x_offset + p;
    for (; p + UNROLL_K <= stop; p += UNROLL_K, x += UNROLL_K, weights += UNROLL_K * NR)
      multiply(m, UNROLL_K, x, ldx, weights, sum);
    multiply(m, stop - p, x, ldx, weights, sum);
  }
  UNROLL for (int i = 0; i < ROWS; i++) partial[leaf][i][lane] = sum[i];
  for (int level = 0; level < LEAF_LEVELS; level++) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int size = 1 << level; // the first leaf of a complete pair of subtrees adds the second's sum
    if (owned && leaf % (2 * size) == 0 && leaf + 2 * size <= leaf_end) {
      UNROLL for (int i = 0; i < ROWS; i++) {
        sum[i] = sum[i] + partial[leaf + size][i][lane];
        partial[leaf][i][lane] = sum[i];
      }
    }
  }
  if (GATED) barrier(CLK_LOCAL_MEM_FENCE); // the sums of neighbours are there
  const int low_bit = leaf & -leaf;
  const bool joined = leaf > 0 && leaf - low_bit >= leaf_begin && leaf + low_bit <= leaf_end; // a left sibling took it
  if (!owned || joined || column >= n || lane % (1 + GATED)) return;
  c += c_offset + nodes_before(leaf, leaf_begin, leaf_end) * node_stride + OUT(column);
#if EPILOGUE
  for (int i = 0; i < m; i++, c += ldc) {
    const epilogue e = EPILOGUE_AT(i, column);
    float v = biased(partial[0][i][lane], 1, alpha, beta, 0, c, e);
    v = GATED ? ACTIVATE(v) * biased(partial[0][i][lane + GATED], 1, alpha, beta, 1, c, e) : ACTIVATE(v);
    *c = HAS_RESIDUAL ? v + *e.residual : v;
  }
#else
  UNROLL for (int i = 0; i < ROWS; i++) {
    if (i < m) {
      const float v = alpha * sum[i];
      c[i * ldc] = beta == 0 ? v : fma(beta, c[i * ldc], v);
    }
  }
#endif
}
