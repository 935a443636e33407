// SPDX-License-Identifier: Apache-2.0
// logits/top_k: the k largest of each part of a row, in order (common/top_k), on CPU devices.
// x           rows x n          x[x_offset + i * ldx + j], column `column` + j of the whole; without `merges`
// candidates  rows x n          candidates[i * n + j]; where `merges`
// best        rows x parts x k  best[(i * parts + part) * k + place], 0 past the last
// ids         the same          the columns of `best`, -1 past the last; where has_ids
// Work-item (i, part) has columns part * run .. part * run + run - 1 of row i; run is a multiple of FUNCTION_LANES. Any
// work-group size. Global size (rows, parts). 1 <= k <= MAXIMUM_K.
// Prepend common/elements, common/functions, common/logits, common/top_k.
// check: -DFUNCTION_LANES=16
#define MAXIMUM_K 256

__kernel void logits_top_k(int n, int k, int run, int merges, int has_ids, int column, float scale, float cap,
                           __global const float *restrict x, long x_offset, long ldx,
                           __global const ulong *restrict candidates, __global ulong *restrict best,
                           __global int *restrict ids, long ids_offset) {
  const long row = get_global_id(0), part = get_global_id(1), at = (row * get_global_size(1) + part) * k;
  const long first = part * run, end = min((long)n, first + run);
  ulong list[MAXIMUM_K];
  for (int i = 0; i < k; i++) list[i] = 0;
  if (merges)
    top_k_of_candidates(candidates + row * n, first, end, k, list);
  else
    top_k_of_row(x + x_offset + row * ldx, first, end, column, scale, cap, k, list);
  for (int i = 0; i < k; i++) {
    best[at + i] = list[i];
    if (has_ids) ids[ids_offset + at + i] = column_of(list[i]);
  }
}
