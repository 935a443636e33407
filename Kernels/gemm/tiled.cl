// SPDX-License-Identifier: Apache-2.0
// gemm/tiled: C = alpha * A . B^T + beta * C on GPUs, from packed panels (gemm/pack), in the one order (common/leaves).
// k_local is the part of k in leaves [leaf_begin, leaf_end).
// A  m x k_local  a[((i / MR) * k_local + p) * MR + i % MR], f32
// B  n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], B_TYPE     the panels of gemv/lanes
// C  m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// Work-group (LOCAL_X, LOCAL_Y) = (TILE_N / PER_ITEM_N, TILE_M / PER_ITEM_M) makes TILE_M x TILE_N of C at a time;
// group g takes tiles g, g + groups .., so that any number of groups will do: a few a compute unit. Global size
// (groups * LOCAL_X, LOCAL_Y). Item (x, y) has rows 4 * (v * LOCAL_Y + y) + 0..3 of the tile, v < PER_ITEM_M / 4, and
// columns alike.
// Local memory: TILE_K * (TILE_M + TILE_N) floats.
// scratch  LEAF_LEVELS * TILE_M * TILE_N floats of each group: subtrees that wait for a sibling.
// Edges: any m, n, k; panels are padded with zeros, and only elements inside C are read or written.
// Prepend common/elements, common/leaves, common/batch, common/functions, common/epilogue. EPILOGUE: see there.
// check: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// check: -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
#ifndef TILE_M
#define TILE_M 64 // rows of a tile, a multiple of MR and 4 * PER_ITEM_M
#endif
#ifndef TILE_N
#define TILE_N 64 // columns of a tile, a multiple of NR
#endif
#ifndef TILE_K
#define TILE_K 16 // steps of k in local memory
#endif
#ifndef PER_ITEM_M
#define PER_ITEM_M 4 // rows of a work-item: 4, 8
#endif
#ifndef PER_ITEM_N
#define PER_ITEM_N 4 // columns of a work-item: 4, 8
#endif
#ifndef MR
#define MR 32 // rows of a panel of A, a multiple of 4
#endif
#ifndef NR
#define NR 32 // columns of a panel of B, a multiple of 4
#endif
#ifndef B_TYPE
#define B_TYPE F32 // F32, F16, BF16
#endif
#if PER_ITEM_M % 4 || PER_ITEM_N % 4 || TILE_M % PER_ITEM_M || TILE_N % PER_ITEM_N
#error "gemm/tiled: PER_ITEM_M and PER_ITEM_N must be multiples of 4 that divide TILE_M and TILE_N"
#endif
#if MR % 4 || NR % 4 || TILE_M % MR || TILE_N % NR
#error "gemm/tiled: MR and NR must be multiples of 4 that divide TILE_M and TILE_N"
#endif
#if !ELEMENT(B_TYPE)
#error "gemm/tiled: B_TYPE must be F32, F16 or BF16"
#endif

#define LOCAL_X (TILE_N / PER_ITEM_N)
#define LOCAL_Y (TILE_M / PER_ITEM_M)
#define ITEMS (LOCAL_X * LOCAL_Y)
#define QUADS_M (TILE_M / 4) // float4 of a step of the tile
#define QUADS_N (TILE_N / 4)
#define READS_A (TILE_K * QUADS_M / ITEMS) // float4 that an item brings to local memory
#define READS_B (TILE_K * QUADS_N / ITEMS)
#define NV (PER_ITEM_N / 4)
#if TILE_K * QUADS_M % ITEMS || TILE_K * QUADS_N % ITEMS
#error "gemm/tiled: the work-group must divide TILE_K * TILE_M / 4 and TILE_K * TILE_N / 4"
#endif

#define UNROLL _Pragma("unroll")
#define EACH_VECTOR(statement)                                                                                         \
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) {                                                                        \
    UNROLL for (int v = 0; v < NV; v++) { statement; }                                                                 \
  }

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
      ahead_a[r] = vload4(0, a + ((long)panel * k_local + step) * MR + OFFSET_OF(quad, MR));
  }
  UNROLL for (int r = 0; r < READS_B; r++) {
    const uint quad = r * ITEMS + item, panel = panel_n + PANEL_OF(quad, NR), step = at + STEP_OF(quad, NR);
    ahead_b[r] = 0;
    if ((int)panel < panels_n && (int)step < k_local)
      ahead_b[r] = LOAD(B_TYPE, 4)(b + ((long)panel * k_local + step) * NR + OFFSET_OF(quad, NR));
  }
}

INLINE void multiply_step(__local const float4 *a, __local const float4 *b, float4 sum[PER_ITEM_M][NV]) {
  float4 row[NV];
  UNROLL for (int v = 0; v < NV; v++) row[v] = b[v * LOCAL_X];
  UNROLL for (int i = 0; i < PER_ITEM_M; i += 4) {
    const float4 column = a[i / 4 * LOCAL_Y];
    UNROLL for (int v = 0; v < NV; v++) {
      sum[i][v] = fma((float4)(column.s0), row[v], sum[i][v]);
      sum[i + 1][v] = fma((float4)(column.s1), row[v], sum[i + 1][v]);
      sum[i + 2][v] = fma((float4)(column.s2), row[v], sum[i + 2][v]);
      sum[i + 3][v] = fma((float4)(column.s3), row[v], sum[i + 3][v]);
    }
  }
}

#if EPILOGUE
// Stores what the epilogue makes of an item's sums; `rows` and `columns` are those left from the tile's corner on.
INLINE void store_tile(float4 sum[PER_ITEM_M][NV], int rows, int columns, float alpha, float beta, __global float *c,
                       long ldc, epilogue e) {
  EACH_VECTOR(const int row = 4 * (i / 4 * LOCAL_Y + (int)get_local_id(1)) + i % 4;
              const int column = 4 * (v * LOCAL_X + (int)get_local_id(0)); if (row < rows && column < columns)
                  store_finished(sum[i][v], columns - column, alpha, beta, row, column, c, ldc, e);)
}
#else
INLINE void store_element(float sum, float alpha, float beta, __global float *c) {
  const float v = alpha * sum;
  *c = beta == 0 ? v : fma(beta, *c, v);
}

// Stores what is inside C of an item's sums; `rows` and `columns` are those left of C from the tile's corner on.
INLINE void store_tile(float4 sum[PER_ITEM_M][NV], int rows, int columns, float alpha, float beta,
                              __global float *c, long ldc) {
  EACH_VECTOR(const int row = 4 * (i / 4 * LOCAL_Y + (int)get_local_id(1)) + i % 4;
              const int column = 4 * (v * LOCAL_X + (int)get_local_id(0)); __global float *out = c + row * ldc + column;
              if (row < rows) {
                if (column < columns) store_element(sum[i][v].s0, alpha, beta, out);
                if (column + 1 < columns) store_element(sum[i][v].s1, alpha, beta, out + 1);
                if (column + 2 < columns) store_element(sum[i][v].s2, alpha, beta, out + 2);
                if (column + 3 < columns) store_element(sum[i][v].s3, alpha, beta, out + 3);
              })
}
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL_X, LOCAL_Y, 1)))
void gemm_tiled(int m, int n, int k, int unit, int leaf_begin, int leaf_end, float alpha, float beta,
                __global const float *restrict a, __global const STORAGE(B_TYPE) *restrict b,
                __global float *restrict c, long c_offset, long ldc, long node_stride, long4 batch,
                __global float4 *restrict scratch EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(a, b, c)
  __local float4 tile_a[TILE_K * QUADS_M], tile_b[TILE_K * QUADS_N];
  const uint item = get_local_id(1) * LOCAL_X + get_local_id(0);
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int panels_m = (m + MR - 1) / MR, panels_n = (n + NR - 1) / NR;
  const int tiles_m = (m + TILE_M - 1) / TILE_M, tiles_n = (n + TILE_N - 1) / TILE_N;
  // waiting[(level * PER_ITEM_M * NV + e) * ITEMS]: element e of an item, side by side for neighbours.
  __global float4 *waiting = scratch + group_of_batch() * (LEAF_LEVELS * PER_ITEM_M * NV * ITEMS) + item;

  // Tile (y, x) of C, columns of tiles one after the other: neighbours share a tile of B.
  int x = 0, y = get_group_id(0);
  for (; y >= tiles_m && x < tiles_n; x++) y -= tiles_m;
  while (x < tiles_n) {
    const int panel_m = y * (TILE_M / MR), panel_n = x * (TILE_N / NR);
    __global float *out = c + c_offset + (long)y * TILE_M * ldc + OUT((long)x * TILE_N);
    float4 ahead_a[READS_A], ahead_b[READS_B];
    read_ahead(item, 0, k_local, panel_m, panels_m, panel_n, panels_n, a, b, ahead_a, ahead_b);
    for (int leaf = leaf_begin, at = 0; leaf < leaf_end; leaf++) {
      const int stop = leaf_border(leaf + 1, k, unit) - begin;
      float4 sum[PER_ITEM_M][NV];
      EACH_VECTOR(sum[i][v] = 0)
      while (at < stop) {
        const int steps = min(TILE_K, stop - at);
        barrier(CLK_LOCAL_MEM_FENCE); // the last steps have been read
        UNROLL for (int r = 0; r < READS_A; r++) {
          const uint quad = r * ITEMS + item;
          tile_a[STEP_OF(quad, MR) * QUADS_M + PANEL_OF(quad, MR) * (MR / 4) + quad % (MR / 4)] = ahead_a[r];
        }
        UNROLL for (int r = 0; r < READS_B; r++) {
          const uint quad = r * ITEMS + item;
          tile_b[STEP_OF(quad, NR) * QUADS_N + PANEL_OF(quad, NR) * (NR / 4) + quad % (NR / 4)] = ahead_b[r];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        at += steps;
        read_ahead(item, at, k_local, panel_m, panels_m, panel_n, panels_n, a, b, ahead_a, ahead_b);
        __local const float4 *step_a = tile_a + get_local_id(1), *step_b = tile_b + get_local_id(0);
        if (steps == TILE_K) {
          _Pragma("unroll 4") for (int p = 0; p < TILE_K; p++)
            multiply_step(step_a + p * QUADS_M, step_b + p * QUADS_N, sum);
        } else {
          for (int p = 0; p < steps; p++) multiply_step(step_a + p * QUADS_M, step_b + p * QUADS_N, sum);
        }
      }
      int level = 0;
      for (; node_joins(leaf, level, leaf_begin); level++) {
        EACH_VECTOR(sum[i][v] = waiting[((level * PER_ITEM_M + i) * NV + v) * ITEMS] + sum[i][v])
      }
      if (node_is_final(leaf, level, leaf_end)) {
        store_tile(sum, m - y * TILE_M, n - x * TILE_N, alpha, beta, out,
                   ldc EPILOGUE_FROM((long)y * TILE_M, (long)x * TILE_N));
        out += node_stride;
      } else {
        EACH_VECTOR(waiting[((level * PER_ITEM_M + i) * NV + v) * ITEMS] = sum[i][v])
      }
    }
    for (y += get_num_groups(0); y >= tiles_m && x < tiles_n; x++) y -= tiles_m;
  }
}
