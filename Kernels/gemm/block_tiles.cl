// SPDX-License-Identifier: Apache-2.0
// gemm/block_tiles: C = alpha * A . B^T + beta * C for a quantised B on GPUs, in the one order (common/leaves,
// common/blocks). k_local is the part of k in leaves [leaf_begin, leaf_end).
// A     m x k_local  a[((i / MR) * k_local + p) * MR + i % MR], f32
// B     n x k_local  panels of NR rows in records (common/blocks, LANE_BYTES 4); blocks lie inside leaves
// sums  m x k_local / GROUP  of gemm/group_sums; read only where the format has offsets
// C     m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// Work-groups, splits, local and global size are those of gemm/tiled; the steps of k are groups of the format.
// Local memory: GROUP * (TILE_M + TILE_N) + 2 * TILE_N + TILE_M floats.
// scratch  LEAF_LEVELS * TILE_M * TILE_N floats of each group: subtrees that wait for a sibling.
// Edges: any m, n; panels are padded with zeros, and only elements inside C are read or written.
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch, common/functions, common/epilogue,
// Prepend common/shared_tiles, common/blocks, common/block_lanes.
// gpu: -DFORMAT=*
// gpu: -DFORMAT=Q5_K -DTILE_M=32 -DTILE_N=32
// gpu: -DFORMAT=Q5_K -DTILE_M=32
// gpu: -DFORMAT=Q5_K -DTILE_N=128
// gpu: -DFORMAT=Q5_K -DTILE_M=128
// gpu: -DFORMAT=Q5_K -DTILE_M=128 -DTILE_N=128
// gpu: -DFORMAT=Q5_K -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// gpu: -DFORMAT=Q5_K -DEPILOGUE=1 -DFUNCTION_LANES=4 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
// Brings GROUP steps of A from step `at` on to local memory: zeros past the last panel.
INLINE void load_a(uint item, int at, int k_local, int panel0, int panels, __global const float *a,
                   __local float4 *tile_a) {
  for (uint quad = item; quad < GROUP * QUADS_M; quad += ITEMS) {
    const uint step = quad / QUADS_M, column = quad % QUADS_M * 4, panel = panel0 + column / MR;
    tile_a[quad] = 0;
    if ((int)panel < panels)
      tile_a[quad] = vload4(0, a + (long)panel * k_local * MR + (long)(at + step) * MR + column % MR);
  }
}

// Brings a group of B to local memory, unpacked, with its scales and offsets: zeros past the last panel.
INLINE void load_b(uint item, int group, int panel0, int panels, long panel_bytes, __global const uchar *record,
                   __local float *tile_b, __local float *scales) {
  for (uint index = item; index < TILE_N * GROUP_WORDS; index += ITEMS) {
    const uint column = index % TILE_N, word = index / TILE_N, panel = column / NR, row = column % NR;
    const bool there = panel0 + (int)panel < panels;
    __global const uchar *of = record + panel * panel_bytes;
    const uint bits = there ? load_word(of, group, word, row) : 0, high = there ? load_high(of, group, row) : 0;
    UNROLL for (int e = 0; e < WORD_COLUMNS; e++)
      tile_b[(word * WORD_COLUMNS + e) * TILE_N + column] = word_value(bits, high, e, word * WORD_COLUMNS + e);
    if (word == 0) {
      scales[column] = there ? load_scale(of, group, row) : 0;
      if (OFFSETS) scales[TILE_N + column] = there ? load_offset(of, group, row) : 0;
    }
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL_X, LOCAL_Y, 1)))
void gemm_block_tiles(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int leaves_each,
                      float alpha, float beta, __global const float *restrict a, __global const uchar *restrict b,
                      __global const float *restrict sums, __global float *restrict c, long c_offset, long ldc,
                      long node_stride, long4 batch, __global float4 *restrict scratch EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(a, b, c)
  __local float4 tile_a[GROUP * QUADS_M], tile_b[GROUP * QUADS_N], scales[2 * QUADS_N];
  __local float row_sums[TILE_M];
  const uint item = get_local_id(1) * LOCAL_X + get_local_id(0);
  const int begin = leaf_border(leaf_begin, k, unit), k_local = leaf_border(leaf_end, k, unit) - begin;
  const int panels_m = (m + MR - 1) / MR, panels_n = (n + NR - 1) / NR;
  const int tiles_m = (m + TILE_M - 1) / TILE_M, tiles = tiles_m * ((n + TILE_N - 1) / TILE_N);
  const long groups = k_local / GROUP, panel_bytes = (long)(k_local / LENGTH) * PANEL_BYTES * NR;
  NEXT_SUMS(sums, groups)
  __global float4 *waiting = waiting_sums(scratch, group_of_batch());
  const int first = leaf_begin + get_group_id(1) * leaves_each, last = first + leaves_each;
  c += c_offset + get_group_id(1) * node_stride;

  // Columns of tiles one after the other: neighbours share a tile of B.
  for (int tile = get_group_id(0); tile < tiles; tile += get_num_groups(0)) {
    const int x = tile / tiles_m, y = tile % tiles_m, panel_n = x * (TILE_N / NR);
    __global float *out = c + (long)y * TILE_M * ldc + OUT((long)x * TILE_N);
    for (int leaf = first, at = leaf_border(first, k, unit) - begin; leaf < last; leaf++) {
      const int stop = leaf_border(leaf + 1, k, unit) - begin;
      float4 sum[PER_ITEM_M][NV];
      EACH_VECTOR(sum[i][v] = 0)
      for (; at < stop; at += GROUP) {
        barrier(CLK_LOCAL_MEM_FENCE); // the last group has been read
        load_a(item, at, k_local, y * (TILE_M / MR), panels_m, a, tile_a);
        load_b(item, at % LENGTH / GROUP, panel_n, panels_n, panel_bytes,
               b + panel_n * panel_bytes + (long)(at / LENGTH) * PANEL_BYTES * NR, (__local float *)tile_b,
               (__local float *)scales);
        for (int row = item; OFFSETS && row < TILE_M; row += ITEMS)
          row_sums[row] = sums[min(y * TILE_M + row, m - 1) * groups + at / GROUP];
        barrier(CLK_LOCAL_MEM_FENCE);
        float4 part[PER_ITEM_M][NV];
        EACH_VECTOR(part[i][v] = 0)
        _Pragma("unroll 2") for (int p = 0; p < GROUP; p++)
          multiply_step(tile_a + p * QUADS_M + get_local_id(1), tile_b + p * QUADS_N + get_local_id(0), part);
        EACH_VECTOR(sum[i][v] = fma(scales[v * LOCAL_X + get_local_id(0)], part[i][v], sum[i][v]))
        if (OFFSETS) {
          EACH_VECTOR(sum[i][v] = fma(scales[QUADS_N + v * LOCAL_X + get_local_id(0)], (float4)(row_sums[ROW_OF(i)]),
                                      sum[i][v]))
        }
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
  }
}
