// SPDX-License-Identifier: Apache-2.0
// gemv/subgroups: gemv/lanes with X read once by each sub-group, where a broadcast between lanes is cheaper than a
// load: C = alpha * X . B^T + beta * C for few rows on GPUs, in the one order (common/leaves); reads every weight once.
// k_local is the part of k in leaves [leaf_begin, leaf_end).
// X  m x k_local  x[x_offset + i * ldx + p], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE     the panels of gemm/tiled
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// A work-item is one column of a panel and one leaf; a sub-group of SUB_GROUP neighbours has one leaf, and its lane l
// holds X[i][p + l] for SUB_GROUP steps. Local size (NR, LEAVES), global size (ceil(n / NR) * NR, LEAVES). Local
// memory: LEAVES * ROWS * NR floats.
// 1 <= m <= ROWS; spare rows repeat the last one and are not stored. Edges: any n, k.
// Prepend common/elements, common/leaves, common/batch.
// intel: -DROWS=* -DBROADCAST=1
#ifndef ROWS
#define ROWS 1 // 1, 2, 4, 8
#endif
#ifndef B_TYPE
#define B_TYPE F32 // F32, F16, BF16
#endif
#ifndef SUB_GROUP
#define SUB_GROUP 16 // lanes of a sub-group: 8, 16, 32
#endif
#ifndef BROADCAST
#define BROADCAST 0 // 1: cl_intel_subgroups with cl_intel_required_subgroup_size; 0: through local memory, for tests
#endif
#if !ELEMENT(B_TYPE)
#error "gemv/subgroups: B_TYPE must be F32, F16 or BF16"
#endif
#define NR 32 // columns of a panel
#if NR % SUB_GROUP
#error "gemv/subgroups: SUB_GROUP must divide NR"
#endif
#define UNROLL _Pragma("unroll")

#if BROADCAST
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#define SUB_GROUP_SIZE __attribute__((intel_reqd_sub_group_size(SUB_GROUP)))
#define LANE get_sub_group_local_id()
#define SHARE(x)
#define OF_LANE(x, l) sub_group_broadcast(x, l)
#else
#define SUB_GROUP_SIZE
#define LANE (get_local_id(0) % SUB_GROUP)
#define SHARE(x)                                                                                                       \
  barrier(CLK_LOCAL_MEM_FENCE);                                                                                        \
  UNROLL for (int i = 0; i < ROWS; i++) shared[leaf][i][lane] = x[i];                                                  \
  barrier(CLK_LOCAL_MEM_FENCE);
#define OF_LANE(x, l) shared[leaf][i][lane / SUB_GROUP * SUB_GROUP + (l)]
#endif

__kernel __attribute__((reqd_work_group_size(NR, LEAVES, 1))) SUB_GROUP_SIZE
void gemv_subgroups(int m, int n, int k, int unit, int leaf_begin, int leaf_end, float alpha, float beta,
                    __global const float *restrict x, long x_offset, long ldx,
                    __global const STORAGE(B_TYPE) *restrict b, __global float *restrict c, long c_offset, long ldc,
                    long node_stride, long4 batch) {
  NEXT_OF_BATCH(x, b, c)
  __local float partial[LEAVES][ROWS][NR];
#if !BROADCAST
  __local float shared[LEAVES][ROWS][NR];
#endif
  const int lane = get_local_id(0), leaf = get_local_id(1), panel = get_group_id(0), column = panel * NR + lane;
  const bool owned = leaf >= leaf_begin && leaf < leaf_end;
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int start = leaf_border(leaf, k, unit) - begin, stop = owned ? leaf_border(leaf + 1, k, unit) - begin : start;
  // All sub-groups take as many steps as the longest leaf: only so may they meet.
  int longest = 0;
  for (int i = leaf_begin; i < leaf_end; i++)
    longest = max(longest, leaf_border(i + 1, k, unit) - leaf_border(i, k, unit));
  float sum[ROWS];
  UNROLL for (int i = 0; i < ROWS; i++) sum[i] = 0;
  __global const STORAGE(B_TYPE) *weights = b + ((long)panel * k_local + start) * NR + lane;
  x += x_offset + start;
  for (int at = 0; at < longest; at += SUB_GROUP) {
    const int steps = min(SUB_GROUP, stop - start - at);
    float mine[ROWS], weight[SUB_GROUP];
    UNROLL for (int i = 0; i < ROWS; i++) mine[i] = (int)LANE < steps ? x[min(i, m - 1) * ldx + at + LANE] : 0;
    UNROLL for (int p = 0; p < SUB_GROUP; p++)
      weight[p] = p < steps ? LOAD(B_TYPE, 1)(weights + (long)(at + p) * NR) : 0;
    SHARE(mine)
    UNROLL for (int p = 0; p < SUB_GROUP; p++) {
      UNROLL for (int i = 0; i < ROWS; i++) {
        const float value = OF_LANE(mine[i], p);
        // A step past the leaf is no step: fma(0, 0, -0) would be +0.
        sum[i] = p < steps ? fma(value, weight[p], sum[i]) : sum[i];
      }
    }
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
  const int low_bit = leaf & -leaf;
  const bool joined = leaf > 0 && leaf - low_bit >= leaf_begin && leaf + low_bit <= leaf_end; // a left sibling took it
  if (!owned || joined || column >= n) return;
  c += c_offset + nodes_before(leaf, leaf_begin, leaf_end) * node_stride + column;
  UNROLL for (int i = 0; i < ROWS; i++) {
    if (i < m) {
      const float v = alpha * sum[i];
      c[i * ldc] = beta == 0 ? v : fma(beta, c[i * ldc], v);
    }
  }
}
