// SPDX-License-Identifier: Apache-2.0
// logits/top_k_tiles: the k largest of each tile of a row, in order (common/top_k), on GPUs: a bitonic sort in local
// memory. Operands are those of logits/top_k, a part is TILE columns.
// Work-group (i, part) of ITEMS work-items sorts a tile of row i. Global size (rows * ITEMS, parts). 1 <= k <= TILE.
// Prepend common/elements, common/functions, common/logits, common/top_k.
// gpu: -DITEMS=128
#ifndef TILE
#define TILE 1024 // a power of two, a multiple of ITEMS
#endif
#ifndef ITEMS
#define ITEMS 128
#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void logits_top_k_tiles(int n, int k, int merges, int has_ids, int column, float scale, float cap,
                        __global const float *restrict x, long x_offset, long ldx,
                        __global const ulong *restrict candidates, __global ulong *restrict best,
                        __global int *restrict ids, long ids_offset) {
  __local ulong tile[TILE];
  const int item = get_local_id(0);
  const long row = get_group_id(0), part = get_group_id(1), first = part * TILE;
  for (int i = item; i < TILE; i += ITEMS) {
    const long j = first + i;
    if (j >= n)
      tile[i] = 0;
    else if (merges)
      tile[i] = candidates[row * n + j];
    else
      tile[i] = candidate_of(order_key(capped(x[x_offset + row * ldx + j], scale, cap)), column + j);
  }
  // Runs of `size` are sorted by turns descending and ascending, until one descends over the whole tile.
  for (int size = 2; size <= TILE; size *= 2) {
    for (int apart = size / 2; apart > 0; apart /= 2) {
      barrier(CLK_LOCAL_MEM_FENCE);
      for (int i = item; i < TILE / 2; i += ITEMS) {
        const int a = 2 * i - (i & (apart - 1)), b = a + apart;
        const ulong left = tile[a], right = tile[b];
        const bool swaps = (a & size) == 0 ? left < right : left > right;
        tile[a] = swaps ? right : left;
        tile[b] = swaps ? left : right;
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const long at = (row * get_num_groups(1) + part) * k;
  for (int i = item; i < k; i += ITEMS) {
    best[at + i] = tile[i];
    if (has_ids) ids[ids_offset + at + i] = column_of(tile[i]);
  }
}
