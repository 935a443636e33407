// SPDX-License-Identifier: Apache-2.0
// common/shared_tiles: TILE_M x TILE_N sums that a work-group shares among its items, for gemm/tiled and
// gemm/block_tiles on GPUs. Local size (LOCAL_X, LOCAL_Y) = (TILE_N / PER_ITEM_N, TILE_M / PER_ITEM_M). Item (x, y) has
// as sum[4 * q + i][v], i < 4, row 4 * (q * LOCAL_Y + y) + i of the tile, q < PER_ITEM_M / 4, and four columns from
// 4 * (v * LOCAL_X + x) on, v < NV.
// Prepend common/elements, common/leaves, common/functions, common/epilogue.
#ifndef TILE_M
#define TILE_M 64 // rows of a tile, a multiple of MR and 4 * PER_ITEM_M
#endif
#ifndef TILE_N
#define TILE_N 64 // columns of a tile, a multiple of NR
#endif
#ifndef PER_ITEM_M
#define PER_ITEM_M (TILE_M < 128 ? 4 : 8) // rows of a work-item: 4, 8
#endif
#ifndef PER_ITEM_N
#define PER_ITEM_N (TILE_N < 128 ? 4 : 8) // columns of a work-item: 4, 8
#endif
#ifndef MR
#define MR 32 // rows of a panel of A, a multiple of 4
#endif
#ifndef NR
#define NR 32 // columns of a panel of B, a multiple of 4
#endif
#if PER_ITEM_M % 4 || PER_ITEM_N % 4 || TILE_M % PER_ITEM_M || TILE_N % PER_ITEM_N
#error "common/shared_tiles: PER_ITEM_M and PER_ITEM_N must be multiples of 4 that divide TILE_M and TILE_N"
#endif
#if MR % 4 || NR % 4 || TILE_M % MR || TILE_N % NR
#error "common/shared_tiles: MR and NR must be multiples of 4 that divide TILE_M and TILE_N"
#endif

#define LOCAL_X (TILE_N / PER_ITEM_N)
#define LOCAL_Y (TILE_M / PER_ITEM_M)
#define ITEMS (LOCAL_X * LOCAL_Y)
#define QUADS_M (TILE_M / 4) // float4 of a step of the tile
#define QUADS_N (TILE_N / 4)
#define NV (PER_ITEM_N / 4)

#define UNROLL _Pragma("unroll")
#define EACH_VECTOR(statement)                                                                                         \
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) {                                                                        \
    UNROLL for (int v = 0; v < NV; v++) { statement; }                                                                 \
  }
// The same by `together` rows at a time: sum[i][v], i < together, has row together * q + i, then the next rows take
// their place. So only a few rows have addresses and operands in registers beside the sums, and no index of `sum` is
// computed, which would put it into memory.
#define EACH_ROWS(together, statement)                                                                                 \
  _Pragma("unroll 1") for (int q = 0; q < PER_ITEM_M / (together); q++) {                                              \
    UNROLL for (int i = 0; i < (together); i++) {                                                                      \
      UNROLL for (int v = 0; v < NV; v++) {                                                                            \
        statement;                                                                                                     \
        const float4 done = sum[i][v];                                                                                 \
        UNROLL for (int j = i; j < PER_ITEM_M - (together); j += (together)) sum[j][v] = sum[j + (together)][v];       \
        sum[PER_ITEM_M - (together) + i][v] = done;                                                                    \
      }                                                                                                                \
    }                                                                                                                  \
  }

#define ROW_OF(i) (4 * ((i) / 4 * LOCAL_Y + (int)get_local_id(1)) + (i) % 4) // of the tile
#define COLUMN_OF(v) (4 * ((v) * LOCAL_X + (int)get_local_id(0)))

// sum += a . b^T for a step of the tile.
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

// Where the work-group keeps subtrees that wait for a sibling: LEAF_LEVELS * TILE_M * TILE_N floats for each group.
// Element e of an item's sums at `level` is [(level * PER_ITEM_M * NV + e) * ITEMS], side by side for neighbours.
#define WAITING(level) waiting[(((level) * PER_ITEM_M + 4 * q + i) * NV + v) * ITEMS]
INLINE __global float4 *waiting_sums(__global float4 *scratch, long group) {
  return scratch + group * (LEAF_LEVELS * PER_ITEM_M * NV * ITEMS) + get_local_id(1) * LOCAL_X + get_local_id(0);
}

// Joins the sums of `leaf` with the siblings that wait for it; the level of the subtree that they are now.
INLINE int join_siblings(int leaf, int begin, __global const float4 *waiting, float4 sum[PER_ITEM_M][NV]) {
  int level = 0;
  for (; node_joins(leaf, level, begin); level++) { EACH_ROWS(4, sum[i][v] = WAITING(level) + sum[i][v]) }
  return level;
}

INLINE void await_sibling(int level, __global float4 *waiting, float4 sum[PER_ITEM_M][NV]) {
  EACH_ROWS(4, WAITING(level) = sum[i][v])
}

// Stores what is inside C of an item's sums; `rows` and `columns` are those left of C from the tile's corner on.
INLINE void store_tile(float4 sum[PER_ITEM_M][NV], int rows, int columns, float alpha, float beta, __global float *c,
                       long ldc EPILOGUE_PARAMETER) {
  EACH_ROWS(1, if (ROW_OF(q) < rows && COLUMN_OF(v) < columns)
                store_finished(sum[i][v], columns - COLUMN_OF(v), alpha, beta, ROW_OF(q), COLUMN_OF(v), c,
                               ldc EPILOGUE_VALUE))
}
