// SPDX-License-Identifier: Apache-2.0
// gemv/blocks: C = alpha * X . B^T + beta * C for few rows and a quantised B on CPU devices, in the one order
// (common/leaves, common/blocks); reads every weight once. k_local is the part of k in leaves [leaf_begin, leaf_end).
// X     m x k_local  x[x_offset + i * ldx + p], f32
// B     n x k_local  panels of NR rows in records (common/blocks); blocks lie inside leaves
// sums  m x k_local / GROUP  of gemm/group_sums; read only where the format has offsets
// C     m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// One work-item is one work-group; it owns `panels` panels from get_global_id(0) * panels, one after the other.
// 1 <= m <= ROWS; spare rows repeat the last one and are not stored. Edges: any n.
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/tiles, common/blocks, common/block_vectors with ROWS 1, 2, 4 or 8.
// check: -DFORMAT=Q4_0 -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// check: -DFORMAT=Q4_0 -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
// check: -DFORMAT=Q4_0
// check: -DFORMAT=Q5_1
// check: -DFORMAT=IQ4_NL
// check: -DFORMAT=Q4_K
// check: -DFORMAT=Q6_K -DROWS=8
#ifndef PREFETCH_B
#define PREFETCH_B 4096 // bytes that B is fetched ahead, 0 for none
#endif

// sum += x . block, for one block of a panel.
INLINE void add_block(int m, __global const float *x, long ldx, __global const float *sums, long groups,
                      __global const uchar *record, vector sum[ROWS][NV]) {
  for (int group = 0; group < GROUPS; group++, x += GROUP, sums++) {
    vector part[ROWS][NV];
    uint_vector high[NV];
    EACH_VECTOR(part[i][v] = 0)
    UNROLL for (int v = 0; v < NV; v++) high[v] = load_high(record, group, v);
    if (PREFETCH_B) {
      UNROLL for (int at = 0; at < PANEL_BYTES * NR / GROUPS; at += 64)
        FETCH(record + PREFETCH_B + group * (PANEL_BYTES * NR / GROUPS) + at);
    }
    UNROLL for (int pair = 0; pair < GROUP / 2; pair++) {
      UNROLL for (int v = 0; v < NV; v++) {
        vector q[2];
        load_pair(record, group, pair, v, high[v], q);
        UNROLL for (int i = 0; i < ROWS; i++) {
          part[i][v] = fma((vector)(x[min(i, m - 1) * ldx + 2 * pair]), q[0], part[i][v]);
          part[i][v] = fma((vector)(x[min(i, m - 1) * ldx + 2 * pair + 1]), q[1], part[i][v]);
        }
      }
    }
    const group_scales of = load_scales(record, group);
    EACH_VECTOR(sum[i][v] = fma(of.scale[v], part[i][v], sum[i][v]))
    if (OFFSETS) {
      EACH_VECTOR(sum[i][v] = fma(of.offset[v], (vector)(sums[min(i, m - 1) * groups]), sum[i][v]))
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemv_blocks(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int panels, float alpha, float beta,
                 __global const float *restrict x, long x_offset, long ldx, __global const uchar *restrict b,
                 __global const float *restrict sums, __global float *restrict c, long c_offset, long ldc,
                 long node_stride, long4 batch EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(x, b, c)
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int panel0 = get_global_id(0) * panels, panel1 = min((n + NR - 1) / NR, panel0 + panels);
  NEXT_SUMS(sums, k_local / GROUP)
  x += x_offset;
  for (int panel = panel0; panel < panel1; panel++) {
    __global const uchar *record = b + (long)panel * (k_local / LENGTH) * PANEL_BYTES * NR;
    __global float *out = c + c_offset + OUT((long)panel * NR);
    vector waiting[LEAF_LEVELS][ROWS][NV]; // subtrees that wait for a sibling
    for (int leaf = leaf_begin, p = 0; leaf < leaf_end; leaf++) {
      const int stop = leaf_border(leaf + 1, k, unit) - begin;
      vector sum[ROWS][NV];
      EACH_VECTOR(sum[i][v] = 0)
      for (; p < stop; p += LENGTH, record += PANEL_BYTES * NR)
        add_block(m, x + p, ldx, sums + p / GROUP, k_local / GROUP, record, sum);
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
