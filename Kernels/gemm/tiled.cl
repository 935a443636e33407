// SPDX-License-Identifier: Apache-2.0
// gemm/tiled: C = alpha * A . B^T + beta * C on GPUs, from packed panels (gemm/pack), in the one order (common/leaves).
// k_local is the part of k in leaves [leaf_begin, leaf_end).
// A  m x k_local  a[((i / MR) * k_local + p) * MR + i % MR], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE     the panels of gemv/lanes
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// Work-group (g, s) makes tiles g, g + groups .. of C (common/shared_tiles): any number of groups will do, a few a
// compute unit. Split s has the leaves_each leaves from leaf_begin + s * leaves_each on: all leaves of one split, or
// a complete subtree, which is a node of C (gemm/join joins them). Local size (LOCAL_X, LOCAL_Y), global size
// (groups * LOCAL_X, splits * LOCAL_Y). Local memory: TILE_K * (TILE_M + TILE_N) floats.
// scratch  LEAF_LEVELS * TILE_M * TILE_N floats of each group: subtrees that wait for a sibling.
// Edges: any m, n, k; panels are padded with zeros, and only elements inside C are read or written.
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/shared_tiles.
// gpu: -DB_TYPE=*
// gpu: -DB_TYPE=* -DTILE_M=128 -DTILE_N=128
// gpu: -DTILE_N=128
// gpu: -DTILE_M=128
// gpu: -DTILE_K=32
// gpu: -DTILE_K=8 -DTILE_M=128 -DTILE_N=128
// gpu: -DTILE_K=32 -DTILE_M=128 -DTILE_N=128
// gpu: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
// gpu: -DTILE_M=128 -DTILE_N=128 -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DTILE_M=128 -DTILE_N=128 -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
#ifndef TILE_K
#define TILE_K 16 // steps of k in local memory
#endif
#ifndef B_TYPE
#define B_TYPE F32 // F32, F16, BF16
#endif
#if !ELEMENT(B_TYPE)
#error "gemm/tiled: B_TYPE must be F32, F16 or BF16"
#endif
#define READS_A (TILE_K * QUADS_M / ITEMS) // float4 that an item brings to local memory
#define READS_B (TILE_K * QUADS_N / ITEMS)
#if TILE_K * QUADS_M % ITEMS || TILE_K * QUADS_N % ITEMS
#error "gemm/tiled: the work-group must divide TILE_K * TILE_M / 4 and TILE_K * TILE_N / 4"
#endif

// Quad number `quad` of the next TILE_K steps of WIDTH-wide panels, as it lies in memory: step, panel, offset in the
// step.
#define STEP_OF(quad, WIDTH) ((quad) % (TILE_K * (WIDTH) / 4) / ((WIDTH) / 4))
#define PANEL_OF(quad, WIDTH) ((quad) / (TILE_K * (WIDTH) / 4))
#define OFFSET_OF(quad, WIDTH) ((quad) % ((WIDTH) / 4) * 4)

// Reads TILE_K steps from step `at` on: zeros past the last step and the last panel.
INLINE void read_ahead(uint item, int at, int k_local, int panel_m, int panels_m, int panel_n, int panels_n,
                              __global const float *a, __global const STORAGE(B_TYPE) *b, float4 ahead_a[READS_A],
                              float4 ahead_b[READS_B]) {
  UNROLL for (int r = 0; r < READS_A; r++) {
    const uint quad = r * ITEMS + item, panel = panel_m + PANEL_OF(quad, MR), step = at + STEP_OF(quad, MR);
    ahead_a[r] = 0;
    if ((int)panel < panels_m && (int)step < k_local)
      ahead_a[r] = vload4(0, a + (long)panel * k_local * MR + (long)step * MR + OFFSET_OF(quad, MR));
  }
  UNROLL for (int r = 0; r < READS_B; r++) {
    const uint quad = r * ITEMS + item, panel = panel_n + PANEL_OF(quad, NR), step = at + STEP_OF(quad, NR);
    ahead_b[r] = 0;
    if ((int)panel < panels_n && (int)step < k_local)
      ahead_b[r] = LOAD(B_TYPE, 4)(b + (long)panel * k_local * NR + (long)step * NR + OFFSET_OF(quad, NR));
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL_X, LOCAL_Y, 1)))
void gemm_tiled(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int leaves_each, float alpha, float beta,
                __global const float *restrict a, __global const STORAGE(B_TYPE) *restrict b,
                __global float *restrict c, long c_offset, long ldc, long node_stride, long4 batch,
                __global float4 *restrict scratch EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(a, b, c)
  __local float4 tile_a[TILE_K * QUADS_M], tile_b[TILE_K * QUADS_N];
  const uint item = get_local_id(1) * LOCAL_X + get_local_id(0);
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int panels_m = (m + MR - 1) / MR, panels_n = (n + NR - 1) / NR;
  const int tiles_m = (m + TILE_M - 1) / TILE_M, tiles_n = (n + TILE_N - 1) / TILE_N;
  __global float4 *waiting = waiting_sums(scratch, group_of_batch());
  const int first = leaf_begin + get_group_id(1) * leaves_each, last = first + leaves_each;
  c += c_offset + get_group_id(1) * node_stride;

  // Tile (y, x) of C, columns of tiles one after the other: neighbours share a tile of B.
  int x = 0, y = get_group_id(0);
  for (; y >= tiles_m && x < tiles_n; x++) y -= tiles_m;
  while (x < tiles_n) {
    const int panel_m = y * (TILE_M / MR), panel_n = x * (TILE_N / NR);
    __global float *out = c + (long)y * TILE_M * ldc + OUT((long)x * TILE_N);
    float4 ahead_a[READS_A], ahead_b[READS_B];
    int at = leaf_border(first, k, unit) - begin;
    read_ahead(item, at, k_local, panel_m, panels_m, panel_n, panels_n, a, b, ahead_a, ahead_b);
    for (int leaf = first; leaf < last; leaf++) {
      const int stop = leaf_border(leaf + 1, k, unit) - begin;
      float4 sum[PER_ITEM_M][NV];
      EACH_VECTOR(sum[i][v] = 0)
      while (at < stop) {
        const int steps = min(TILE_K, stop - at); // steps past the leaf become fma(0, -0, sum), which is sum
        barrier(CLK_LOCAL_MEM_FENCE);             // the last steps have been read
        UNROLL for (int r = 0; r < READS_A; r++) {
          const uint quad = r * ITEMS + item;
          tile_a[STEP_OF(quad, MR) * QUADS_M + PANEL_OF(quad, MR) * (MR / 4) + quad % (MR / 4)] =
            (int)STEP_OF(quad, MR) < steps ? ahead_a[r] : (float4)(0.0f);
        }
        UNROLL for (int r = 0; r < READS_B; r++) {
          const uint quad = r * ITEMS + item;
          tile_b[STEP_OF(quad, NR) * QUADS_N + PANEL_OF(quad, NR) * (NR / 4) + quad % (NR / 4)] =
            (int)STEP_OF(quad, NR) < steps ? ahead_b[r] : (float4)(-0.0f);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        at += steps;
        read_ahead(item, at, k_local, panel_m, panels_m, panel_n, panels_n, a, b, ahead_a, ahead_b);
        __local const float4 *step_a = tile_a + get_local_id(1), *step_b = tile_b + get_local_id(0);
        _Pragma("unroll 2") for (int p = 0; p < TILE_K; p++)
          multiply_step(step_a + p * QUADS_M, step_b + p * QUADS_N, sum);
      }
      const int level = join_siblings(leaf, first, waiting, sum);
      if (node_is_final(leaf, level, last)) {
        store_tile(sum, m - y * TILE_M, n - x * TILE_N, alpha, beta, out,
                   ldc EPILOGUE_FROM((long)y * TILE_M, (long)x * TILE_N));
        out += node_stride;
      } else {
        await_sibling(level, waiting, sum);
      }
    }
    for (y += get_num_groups(0); y >= tiles_m && x < tiles_n; x++) y -= tiles_m;
  }
}
