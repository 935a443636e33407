// SPDX-License-Identifier: Apache-2.0
// gemm/packed: C = alpha * A . B^T + beta * C on CPU devices, from packed panels, in the one order of addition (common/leaves).
// A  m x k in panels of MR rows     a[((i / MR) * k_local + p) * MR + i % MR], f32
// B  n x k in panels of NR rows     b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE
// C  m x n, row-major               c[c_offset + node * node_stride + i * ldc + j]; not read where beta is 0
#ifndef MR
#define MR 14
#endif
#ifndef NR
#define NR 32
#endif
#ifndef VECTOR
#define VECTOR 16
#endif
#ifndef B_TYPE
#define B_TYPE F32
#endif
#define NV (NR / VECTOR)
#define TILE (MR * NR)

typedef JOIN_WORDS(float, VECTOR) vector;
#define LOAD_VECTOR JOIN_WORDS(vload, VECTOR)
#define STORE_VECTOR JOIN_WORDS(vstore, VECTOR)

// sum += a . b^T over `count` steps of k.
static inline void multiply(__global const float *a, __global const STORAGE(B_TYPE) * b, int count, vector sum[MR][NV]) {
  for (int p = 0; p < count; p++, a += MR, b += NR) {
    vector row[NV];
#pragma unroll
    for (int v = 0; v < NV; v++) row[v] = LOAD(B_TYPE, VECTOR)(b + v * VECTOR);
#pragma unroll
    for (int i = 0; i < MR; i++) {
#pragma unroll
      for (int v = 0; v < NV; v++) sum[i][v] = fma((vector)(a[i]), row[v], sum[i][v]);
    }
  }
}

#define EACH_VECTOR(statement)                                                                                         \
  _Pragma("unroll") for (int i = 0; i < MR; i++) {                                                                     \
    _Pragma("unroll") for (int v = 0; v < NV; v++) { statement; }                                                      \
  }

static inline void store_node(vector sum[MR][NV], int rows, int columns, float alpha, float beta, __global float *c, long ldc,
                              __local float *spill) {
  if (columns == NR) {
#pragma unroll
    for (int i = 0; i < MR; i++)
      if (i < rows) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
          __global float *out = c + i * ldc + v * VECTOR;
          const vector x = alpha * sum[i][v];
          STORE_VECTOR(beta == 0 ? x : fma((vector)(beta), LOAD_VECTOR(0, out), x), 0, out);
        }
      }
    return;
  }
  EACH_VECTOR(STORE_VECTOR(sum[i][v], i * NV + v, spill))
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      __global float *out = c + i * ldc + j;
      const float x = alpha * spill[i * NR + j];
      *out = beta == 0 ? x : fma(beta, *out, x);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_packed(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int block_m, int block_n, int chunk_k,
                 float alpha, float beta, __global const float *restrict a, __global const STORAGE(B_TYPE) *restrict b,
                 __global float *restrict c, long c_offset, long ldc, long node_stride, __local float *state) {
  const int row_panel0 = get_global_id(1) * block_m, row_panel1 = min((m + MR - 1) / MR, row_panel0 + block_m);
  const int column_panel0 = get_global_id(0) * block_n, column_panel1 = min((n + NR - 1) / NR, column_panel0 + block_n);
  const int k_begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - k_begin;
  const bool one_chunk = chunk_k >= k_local;
  int k0 = 0, leaf0 = leaf_begin, nodes0 = 0;
  do {
    const int k1 = min(k_local, k0 + chunk_k);
    int leaf1 = leaf0, nodes1 = nodes0;
    for (int q = column_panel0; q < column_panel1; q++)
      for (int r = row_panel0; r < row_panel1; r++) {
        __local float *levels = state + (one_chunk ? 0 : ((q - column_panel0) * block_m + r - row_panel0) * (LEAF_LEVELS + 1) * TILE);
        __global const float *a_panel = a + (long)r * k_local * MR;
        __global const STORAGE(B_TYPE) *b_panel = b + (long)q * k_local * NR;
        vector sum[MR][NV];
        int at = k0, nodes = nodes0, leaf = leaf0;
        if (k0 > 0 && k0 > leaf_border(leaf, k, unit) - k_begin) {
          EACH_VECTOR(sum[i][v] = LOAD_VECTOR(i * NV + v, levels + LEAF_LEVELS * TILE))
        } else {
          EACH_VECTOR(sum[i][v] = 0)
        }
        for (; leaf < leaf_end; leaf++) {
          const int end = leaf_border(leaf + 1, k, unit) - k_begin, stop = min(end, k1);
          multiply(a_panel + (long)at * MR, b_panel + (long)at * NR, stop - at, sum);
          at = stop;
          if (stop < end) break;
          int level = 0;
          for (; node_joins(leaf, level, leaf_begin); level++) {
            EACH_VECTOR(sum[i][v] = LOAD_VECTOR(i * NV + v, levels + level * TILE) + sum[i][v])
          }
          if (node_is_final(leaf, level, leaf_end)) {
            store_node(sum, min(MR, m - r * MR), min(NR, n - q * NR), alpha, beta,
                       c + c_offset + nodes * node_stride + (long)r * MR * ldc + q * NR, ldc, levels + LEAF_LEVELS * TILE);
            nodes++;
          } else {
            EACH_VECTOR(STORE_VECTOR(sum[i][v], i * NV + v, levels + level * TILE))
          }
          EACH_VECTOR(sum[i][v] = 0)
        }
        if (leaf < leaf_end) {
          EACH_VECTOR(STORE_VECTOR(sum[i][v], i * NV + v, levels + LEAF_LEVELS * TILE))
        }
        leaf1 = leaf;
        nodes1 = nodes;
      }
    k0 = k1;
    leaf0 = leaf1;
    nodes0 = nodes1;
  } while (leaf0 < leaf_end);
}
