// SPDX-License-Identifier: Apache-2.0
// gemm/packed: C = alpha * A . B^T + beta * C on CPU devices, from packed panels (gemm/pack), in the one order
// (common/leaves). k_local is the part of k in leaves [leaf_begin, leaf_end).
// A  m x k_local  a[((i / MR) * k_local + p) * MR + i % MR], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// One work-item is one work-group; item (x, y) owns block_n column panels from x * block_n on and block_m row panels
// from y * block_m on. Global size (ceil(column panels / block_n), ceil(row panels / block_m)). It takes chunk_k
// steps of k at a time, so that a chunk of a column panel and of its row panels stay in L2.
// state  local, of each tile the subtrees that wait for a sibling, and the sum of a leaf that is cut by a chunk:
//        tiles * (LEAF_LEVELS + 1) * MR * NR floats, tiles = 1 where chunk_k >= k_local, else block_m * block_n.
// Edges: any m, n, k; panels are padded with zeros, and only elements inside C are read or written.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/tiles with ROWS = MR; NR, VECTOR and
// B_TYPE are theirs. EPILOGUE: see there.
// check: -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// check: -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
// MR x NR = 14 x 32 fills 32 registers of 16 floats, 6 x 16 fills 16 of 8, 8 x 8 fills 32 of 4, 4 x 8 fills 16 of 4.
#define MR ROWS
#ifndef PREFETCH_A
#define PREFETCH_A 64 // steps of k that A is fetched ahead, 0 for none
#endif
#ifndef PREFETCH_B
#define PREFETCH_B 32 // the same for B
#endif
#ifndef PREFETCH_NEXT
#define PREFETCH_NEXT 1 // 1: the row panels of a block share in fetching the next chunk of B ahead, 0: none do
#endif

// sum += a . b^T over `steps` steps of k; fetches from `next` on, next_stride elements a step.
INLINE void multiply(__global const float *a, __global const STORAGE(B_TYPE) *b,
                     __global const STORAGE(B_TYPE) *next, int next_stride, int steps, vector sum[MR][NV]) {
  for (int p = 0; p < steps; p++, a += MR, b += NR, next += next_stride) {
    if (PREFETCH_A) FETCH(a + PREFETCH_A * MR);
    FETCH_B(b, PREFETCH_B)
    if (PREFETCH_NEXT) FETCH_FAR(next);
    vector row[NV];
    UNROLL for (int v = 0; v < NV; v++) row[v] = LOAD(B_TYPE, VECTOR)(b + v * VECTOR);
    EACH_VECTOR(sum[i][v] = fma((vector)(a[i]), row[v], sum[i][v]))
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_packed(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int block_m, int block_n, int chunk_k,
                 float alpha, float beta, __global const float *restrict a,
                 __global const STORAGE(B_TYPE) *restrict b, __global float *restrict c, long c_offset, long ldc,
                 long node_stride, long4 batch, __local vector *state EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(a, b, c)
  const int y0 = get_global_id(1) * block_m, y1 = min((m + MR - 1) / MR, y0 + block_m);
  const int x0 = get_global_id(0) * block_n, x1 = min((n + NR - 1) / NR, x0 + block_n);
  int border[LEAVES + 1]; // of the leaves, counted from the first that is ours
  for (int i = 0; i <= LEAVES; i++) border[i] = leaf_border(i, k, unit) - leaf_border(leaf_begin, k, unit);
  const int k_local = border[leaf_end];
  // A row panel fetches its part of the next chunk; one alone streams B anyway.
  const int next_stride = y1 - y0 > 1 ? (NR + y1 - y0 - 1) / (y1 - y0) : 0;
  const int tile_state = chunk_k < k_local ? (LEAF_LEVELS + 1) * TILE : 0;

  int first = leaf_begin; // leaf of the chunk
  for (int k0 = 0; first < leaf_end; k0 += chunk_k) {
    const int k1 = k_local - k0 > chunk_k ? k0 + chunk_k : k_local;
    const int first_node = nodes_before(first, leaf_begin, leaf_end);
    for (int x = x0; x < x1; x++) {
      // Where the next chunk of B begins: of the next column panel, or further down k, or of the next block.
      const long next = x + 1 < x1     ? (x + 1L) * k_local + k0
                        : k1 < k_local ? (long)x0 * k_local + k1
                                       : (long)x1 * k_local;
      for (int y = y0; y < y1; y++) {
        __local vector *waiting = state + ((x - x0) * block_m + y - y0) * tile_state;
        __local vector *cut = waiting + LEAF_LEVELS * TILE;
        __global float *out = c + c_offset + first_node * node_stride + (long)y * MR * ldc + OUT((long)x * NR);
        vector sum[MR][NV];
        if (k0 > border[first]) {
          EACH_VECTOR(sum[i][v] = cut[i * NV + v])
        } else {
          EACH_VECTOR(sum[i][v] = 0)
        }
        int at = k0;
        for (int leaf = first; leaf < leaf_end; leaf++) {
          const int stop = min(k1, border[leaf + 1]);
          multiply(a + ((long)y * k_local + at) * MR, b + ((long)x * k_local + at) * NR,
                   b + next * NR + ((long)(y - y0) * (k1 - k0) + at - k0) * next_stride, next_stride, stop - at, sum);
          at = stop;
          if (stop < border[leaf + 1]) {
            EACH_VECTOR(cut[i * NV + v] = sum[i][v])
            break;
          }
          int level = 0;
          for (; node_joins(leaf, level, leaf_begin); level++) {
            EACH_VECTOR(sum[i][v] = waiting[level * TILE + i * NV + v] + sum[i][v])
          }
          if (node_is_final(leaf, level, leaf_end)) {
            store_tile(sum, min(MR, m - y * MR), n - x * NR, alpha, beta, out,
                       ldc EPILOGUE_FROM((long)y * MR, (long)x * NR));
            out += node_stride;
          } else {
            EACH_VECTOR(waiting[level * TILE + i * NV + v] = sum[i][v])
          }
          EACH_VECTOR(sum[i][v] = 0)
        }
      }
    }
    while (first < leaf_end && border[first + 1] <= k1) first++;
  }
}
