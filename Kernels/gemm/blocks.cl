// SPDX-License-Identifier: Apache-2.0
// gemm/blocks: C = alpha * A . B^T + beta * C for a quantised B on CPU devices, in the one order (common/leaves,
// common/blocks). k_local is the part of k in leaves [leaf_begin, leaf_end).
// A     m x k_local  a[((i / MR) * k_local + p) * MR + i % MR], f32 (gemm/pack)
// B     n x k_local  panels of NR rows in records (common/blocks); blocks lie inside leaves
// sums  m x k_local / GROUP  of gemm/group_sums; read only where the format has offsets
// C     m x n        c[c_offset + node * node_stride + i * ldc + j], f32; not read where beta is 0
// One work-item is one work-group; item (x, y) owns column panel x and block_m row panels from y * block_m on. Global
// size (column panels, ceil(row panels / block_m)). It takes chunk_k steps of k at a time, whole blocks: unpacks that
// part of its column panel once, and multiplies all its row panels by it.
// state   local, of each tile the subtrees that wait for a sibling, and the sum of a leaf that is cut by a chunk:
//         tiles * (LEAF_LEVELS + 1) * MR * NR floats, tiles = 1 where chunk_k >= k_local, else block_m
// values  local, the chunk: chunk_k * NR floats of q
// scales  local, of its groups: chunk_k / GROUP * NR floats of scales, and as many of offsets where there are some
// Edges: any m, n; panels are padded with zeros, and only elements inside C are read or written.
// EPILOGUE: see common/epilogue.
// Prepend common/elements, common/leaves, common/batch,
// Prepend common/functions, common/epilogue, common/tiles, common/blocks, common/block_vectors with ROWS = MR.
// check: -DFORMAT=Q4_0 -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=SILU -DHAS_BIAS=1 -DHAS_RESIDUAL=1
// check: -DFORMAT=Q4_0 -DEPILOGUE=1 -DFUNCTION_LANES=16 -DACTIVATION=GELU -DGATED=1 -DHAS_RESIDUAL=1
// check: -DFORMAT=Q4_0 -DROWS=14
// check: -DFORMAT=Q5_1 -DROWS=6 -DNR=16 -DVECTOR=8
// check: -DFORMAT=IQ4_NL
// check: -DFORMAT=Q4_K -DROWS=14
// check: -DFORMAT=Q6_K
#define MR ROWS
#ifndef PREFETCH_A
#define PREFETCH_A 64 // steps of k that A is fetched ahead, 0 for none
#endif
#define SCALES (1 + OFFSETS) // rows of scales that a group has

// Unpacks `steps` columns of a panel, whole blocks.
INLINE void unpack(__global const uchar *record, int steps, __local vector *values, __local vector *scales) {
  for (int p = 0; p < steps; p += LENGTH, record += PANEL_BYTES * NR) {
    for (int group = 0; group < GROUPS; group++, values += GROUP * NV, scales += SCALES * NV) {
      UNROLL for (int v = 0; v < NV; v++) {
        const uint_vector high = load_high(record, group, v);
        UNROLL for (int pair = 0; pair < GROUP / 2; pair++) {
          vector q[2];
          load_pair(record, group, pair, v, high, q);
          values[2 * pair * NV + v] = q[0];
          values[(2 * pair + 1) * NV + v] = q[1];
        }
      }
      const group_scales of = load_scales(record, group);
      UNROLL for (int v = 0; v < NV; v++) {
        scales[v] = of.scale[v];
        if (OFFSETS) scales[NV + v] = of.offset[v];
      }
    }
  }
}

// sum += a . b^T over `steps` steps of k, whole groups; `sums` are those of row 0 of the tile, rows of C `rows`.
INLINE void multiply(__global const float *a, __local const vector *values, __local const vector *scales,
                     __global const float *sums, long groups, int rows, int steps, vector sum[MR][NV]) {
  for (int p = 0; p < steps; p += GROUP, scales += SCALES * NV, sums++) {
    vector part[MR][NV];
    EACH_VECTOR(part[i][v] = 0)
    for (int column = 0; column < GROUP; column++, a += MR, values += NV) {
      if (PREFETCH_A) FETCH(a + PREFETCH_A * MR);
      vector row[NV];
      UNROLL for (int v = 0; v < NV; v++) row[v] = values[v];
      EACH_VECTOR(part[i][v] = fma((vector)(a[i]), row[v], part[i][v]))
    }
    EACH_VECTOR(sum[i][v] = fma(scales[v], part[i][v], sum[i][v]))
    if (OFFSETS) {
      EACH_VECTOR(sum[i][v] = fma(scales[NV + v], (vector)(sums[min(i, rows - 1) * groups]), sum[i][v]))
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_blocks(int m, int n, int k, int unit, int leaf_begin, int leaf_end, int block_m, int chunk_k, float alpha,
                 float beta, __global const float *restrict a, __global const uchar *restrict b,
                 __global const float *restrict sums, __global float *restrict c, long c_offset, long ldc,
                 long node_stride, long4 batch, __local vector *state, __local vector *values,
                 __local vector *scales EPILOGUE_ARGUMENTS) {
  NEXT_OF_BATCH(a, b, c)
  const int x = get_global_id(0), y0 = get_global_id(1) * block_m, y1 = min((m + MR - 1) / MR, y0 + block_m);
  int border[LEAVES + 1]; // of the leaves, counted from the first that is ours
  for (int i = 0; i <= LEAVES; i++) border[i] = leaf_border(i, k, unit) - leaf_border(leaf_begin, k, unit);
  const int k_local = border[leaf_end];
  const long groups = k_local / GROUP;
  NEXT_SUMS(sums, groups)
  const int tile_state = chunk_k < k_local ? (LEAF_LEVELS + 1) * TILE : 0;
  b += (long)x * (k_local / LENGTH) * PANEL_BYTES * NR;

  int first = leaf_begin; // leaf of the chunk
  for (int k0 = 0; first < leaf_end; k0 += chunk_k) {
    const int k1 = k_local - k0 > chunk_k ? k0 + chunk_k : k_local;
    const int first_node = nodes_before(first, leaf_begin, leaf_end);
    unpack(b + (long)(k0 / LENGTH) * PANEL_BYTES * NR, k1 - k0, values, scales);
    for (int y = y0; y < y1; y++) {
      __local vector *waiting = state + (y - y0) * tile_state;
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
        multiply(a + ((long)y * k_local + at) * MR, values + (at - k0) * NV, scales + (at - k0) / GROUP * SCALES * NV,
                 sums + (long)y * MR * groups + at / GROUP, groups, m - y * MR, stop - at, sum);
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
    while (first < leaf_end && border[first + 1] <= k1) first++;
  }
}
