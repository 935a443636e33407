// SPDX-License-Identifier: Apache-2.0
// gemv/block_lanes: C = alpha * X . B^T + beta * C for few rows and a quantised B on GPUs, in the one order
// (common/leaves, common/blocks); reads every weight once. k_local is the part of k in leaves [leaf_begin, leaf_end).
// X     m x k_local  x[x_offset + i * ldx + p], f32
// B     n x k_local  panels of NR rows in records (common/blocks); blocks lie inside leaves
// sums  m x k_local / GROUP  of gemm/group_sums; read only where the format has offsets
// C     m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// A work-item is one column of C and one leaf: neighbours read neighbours, and leaves meet in local memory.
// Local size (NR, LEAVES), global size (ceil(n / NR) * NR, LEAVES). Local memory: LEAVES * ROWS * NR floats.
// 1 <= m <= ROWS; spare rows repeat the last one and are not stored. Edges: any n.
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/blocks, common/block_lanes.
// gpu: -DROWS=1 -DFORMAT=*
// gpu: -DROWS=2 -DFORMAT=Q5_K
// gpu: -DROWS=4 -DFORMAT=Q5_K
// gpu: -DROWS=8 -DFORMAT=*
// gpu: -DROWS=1 -DFORMAT=Q5_K -DEPILOGUE=1 -DFUNCTION_LANES=1 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DROWS=8 -DFORMAT=Q5_K -DEPILOGUE=1 -DFUNCTION_LANES=1 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
#ifndef ROWS
#define ROWS 1 // 1, 2, 4, 8
#endif
#define UNROLL _Pragma("unroll")

// sum[i] += x[i] . block, for one row of a record.
INLINE void add_block(int m, int row, __global const float *x, long ldx, __global const float *sums, long groups,
                      __global const uchar *record, float sum[ROWS]) {
  for (int group = 0; group < GROUPS; group++, x += GROUP, sums++) {
    const uint high = load_high(record, group, row);
    float part[ROWS];
    UNROLL for (int i = 0; i < ROWS; i++) part[i] = 0;
    for (int word = 0; word < GROUP_WORDS; word++) {
      const uint bits = load_word(record, group, word, row);
      UNROLL for (int e = 0; e < WORD_COLUMNS; e++) {
        const int column = word * WORD_COLUMNS + e;
        const float q = word_value(bits, high, e, column);
        UNROLL for (int i = 0; i < ROWS; i++) part[i] = fma(x[min(i, m - 1) * ldx + column], q, part[i]);
      }
    }
    const float scale = load_scale(record, group, row), offset = OFFSETS ? load_offset(record, group, row) : 0;
    UNROLL for (int i = 0; i < ROWS; i++) {
      sum[i] = fma(scale, part[i], sum[i]);
      if (OFFSETS) sum[i] = fma(offset, sums[min(i, m - 1) * groups], sum[i]);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(NR, LEAVES, 1)))
void gemv_block_lanes(int m, int n, int k, int unit, int leaf_begin, int leaf_end, float alpha, float beta,
                      __global const float *restrict x, long x_offset, long ldx, __global const uchar *restrict b,
                      __global const float *restrict sums, __global float *restrict c, long c_offset, long ldc,
                      long node_stride, long4 batch EPILOGUE_ARGUMENTS) {
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
    NEXT_SUMS(sums, k_local / GROUP)
    __global const uchar *record = b + ((long)panel * (k_local / LENGTH) + p / LENGTH) * PANEL_BYTES * NR;
    for (; p < stop; p += LENGTH, record += PANEL_BYTES * NR)
      add_block(m, lane, x + x_offset + p, ldx, sums + p / GROUP, k_local / GROUP, record, sum);
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
