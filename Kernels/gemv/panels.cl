// SPDX-License-Identifier: Apache-2.0
// gemv/panels: C = alpha * X . B^T + beta * C for few rows on CPU devices, in the one order (common/leaves); reads
// every weight once. k_local is the part of k in leaves [leaf_begin, leaf_end).
// X  m x k_local  x[x_offset + i * ldx + p], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE     the panels of gemm/packed
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// One work-item is one work-group; it owns `panels` panels from get_global_id(0) * panels, one after the other.
// 1 <= m <= ROWS; spare rows repeat the last one and are not stored. Edges: any n, k.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/tiles with ROWS 1, 2, 4 or 8; NR,
// VECTOR and B_TYPE are theirs. EPILOGUE: see there.
// check: -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// check: -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
#ifndef PREFETCH_B
#define PREFETCH_B 32 // steps of k that B is fetched ahead, 0 for none
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemv_panels(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int panels, float alpha, float beta,
                 __global const float *restrict x, long x_offset, long ldx, __global const STORAGE(B_TYPE) *restrict b,
                 __global float *restrict c, long c_offset, long ldc, long node_stride, long4 batch
                 EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(x, b, c)
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int panel0 = get_global_id(0) * panels, panel1 = min((n + NR - 1) / NR, panel0 + panels);
  x += x_offset;
  for (int panel = panel0; panel < panel1; panel++) {
    __global const STORAGE(B_TYPE) *row = b + (long)panel * k_local * NR;
    __global float *out = c + c_offset + OUT((long)panel * NR);
    vector waiting[LEAF_LEVELS][ROWS][NV]; // subtrees that wait for a sibling
    for (int leaf = leaf_begin, p = 0; leaf < leaf_end; leaf++) {
      const int stop = leaf_border(leaf + 1, k, unit) - begin;
      vector sum[ROWS][NV];
      EACH_VECTOR(sum[i][v] = 0)
      for (; p < stop; p++, row += NR) {
        FETCH_B(row, PREFETCH_B)
        vector weight[NV];
        UNROLL for (int v = 0; v < NV; v++) weight[v] = LOAD(B_TYPE, VECTOR)(row + v * VECTOR);
        EACH_VECTOR(sum[i][v] = fma((vector)(x[min(i, m - 1) * ldx + p]), weight[v], sum[i][v]))
      }
      int level = 0;
      for (; node_joins(leaf, level, leaf_begin); level++) {
        EACH_VECTOR(sum[i][v] = waiting[level][i][v] + sum[i][v])
      }
      if (node_is_final(leaf, level, leaf_end)) {
        store_tile(sum, m, n - panel * NR, alpha, beta, out, ldc EPILOGUE_FROM(0, (long)panel * NR));
        out += node_stride;
      } else {
        EACH_VECTOR(waiting[level][i][v] = sum[i][v])
      }
    }
  }
}
