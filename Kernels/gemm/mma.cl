// SPDX-License-Identifier: Apache-2.0
// gemm/mma: C = alpha * A . B^T + beta * C on the matrix units of NVIDIA GPUs (sm_80 on), for products that may leave
// the one order: A is rounded once to B's type, sums are f32 in the order of the hardware.
// A          m x steps  a[(i / NR * pairs + q) * NR + i % NR] = (A[i][2q], A[i][2q + 1]), pairs = ceil(steps / 2), each
//                       divided by scales[i] (gemm/row_scales): the panels of gemm/pack_pairs
// B          n x k_local  element ((j / NR) * k_local + p) * NR + j % NR, B_TYPE, the panels of gemm/tiled, here four
//                       columns at a time; steps `first` .. first + steps - 1 take part: one node of the sum
// C          m x n      c[c_offset + i * ldc + j], f32; not read where beta is 0
// Work-group (x, y) makes rows x * TILE_M .. and columns y * TILE_N .. of C. Local size (32, WARPS_M * WARPS_N): a row
// of items is a warp, warp w has row w % WARPS_M and column w / WARPS_M of the tile's parts. Global size (32 * ceil(m /
// TILE_M), WARPS_M * WARPS_N * ceil(n / TILE_N)).
// Local memory: two buffers of TILE_K / 2 * (TILE_M + TILE_N + 16) words, filled and read in turns with one barrier
// each.
// Edges: any m, n, steps; zeros past them.
// Prepend common/elements.
#ifndef TILE_M
#define TILE_M 128 // rows of a tile: 32, 64, 128
#endif
#ifndef TILE_N
#define TILE_N 128 // columns of a tile: 32, 64, 128
#endif
#ifndef WARPS_M
#define WARPS_M 2 // warps down a tile: 1, 2, 4
#endif
#ifndef WARPS_N
#define WARPS_N 2 // warps across a tile: 1, 2, 4
#endif
#ifndef B_TYPE
#define B_TYPE F16 // F16, BF16
#endif
#ifndef MMA_PTX
#define MMA_PTX 0 // 1: the instruction; 0: what it does, lanes meeting in local memory, to test all the rest anywhere
#endif
// check: -DTILE_M=64 -DTILE_N=64
// nvidia: -DMMA_PTX=1 -DB_TYPE=*
// nvidia: -DMMA_PTX=1 -DB_TYPE=* -DTILE_M=64 -DTILE_N=64
#if ELEMENT(B_TYPE) != ELEMENT_F16 && ELEMENT(B_TYPE) != ELEMENT_BF16
#error "gemm/mma: B_TYPE must be F16 or BF16"
#endif
#define NR 32     // rows of a panel
#define TILE_K 32 // steps of k in a buffer
#define PAIRS (TILE_K / 2)
#define ITEMS (32 * WARPS_M * WARPS_N)
#define READS_A (PAIRS * TILE_M / 4 / ITEMS) // uint4 that an item brings to local memory
#define READS_B (PAIRS * TILE_N / 4 / ITEMS)
// A fragment is read by lane (g, t) at pair t and row g, so 4 pairs of 8 rows must lie in 32 banks: 8 words beside.
#define STRIDE_M (TILE_M + 8)
#define STRIDE_N (TILE_N + 8)
#define FRAGMENTS_M (TILE_M / WARPS_M / 16) // 16 x 8 parts of C of a warp
#define FRAGMENTS_N (TILE_N / WARPS_N / 8)
#if TILE_M % NR || TILE_N % NR || TILE_M % (16 * WARPS_M) || TILE_N % (8 * WARPS_N)
#error "gemm/mma: tiles must be whole panels and whole fragments of each warp"
#endif
#if PAIRS * TILE_M % (4 * ITEMS) || PAIRS * TILE_N % (4 * ITEMS)
#error "gemm/mma: the work-group must divide the reads of a tile"
#endif

#if MMA_PTX
#define UNROLL _Pragma("unroll")
#else // a barrier in an unrolled loop costs CPU compilers minutes
#define UNROLL
#endif

// d += a . b for 16 x 16, 16 x 8 and 16 x 8 (k x n) over the 32 lanes of a warp, PTX's mma.m16n8k16. Lane 4 * g + t has
// a[0] = A[g][2t, 2t+1], a[1] = A[g+8][2t, 2t+1], a[2] = A[g][2t+8, 2t+9], a[3] = A[g+8][2t+8, 2t+9],
// b[0] = B[2t, 2t+1][g], b[1] = B[2t+8, 2t+9][g], d[0, 1] = D[g][2t, 2t+1], d[2, 3] = D[g+8][2t, 2t+1].
#if MMA_PTX
#if ELEMENT(B_TYPE) == ELEMENT_F16
#define MMA_NAME "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
#else
#define MMA_NAME "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"
#endif
INLINE void multiply_add(float *d, const uint *a, const uint *b) {
  __asm__ volatile(MMA_NAME " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                   : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#define MULTIPLY_ADD(d, a, b) multiply_add(d, a, b)
#else
typedef struct {
  uint a[4], b[2];
} lane_operands;

INLINE float element(uint word, int upper) {
  const ushort bits = upper ? word >> 16 : word & 0xffff;
#if ELEMENT(B_TYPE) == ELEMENT_F16
  return vload_half(0, (const half *)&bits);
#else
  return as_float((uint)bits << 16);
#endif
}

INLINE void multiply_add(float *d, const uint *a, const uint *b, __local lane_operands *lanes) {
  const int lane = get_local_id(0);
  __local lane_operands *warp = lanes + get_local_id(1) * 32;
  for (int i = 0; i < 4; i++) warp[lane].a[i] = a[i];
  for (int i = 0; i < 2; i++) warp[lane].b[i] = b[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int p = 0; p < 16; p++) {
      const uint x = warp[row % 8 * 4 + p % 8 / 2].a[row / 8 + p / 8 * 2];
      const uint y = warp[column * 4 + p % 8 / 2].b[p / 8];
      d[i] = fma(element(x, p % 2), element(y, p % 2), d[i]);
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
#define MULTIPLY_ADD(d, a, b) multiply_add(d, a, b, lanes)
#endif

// Word number 4 * quad of the next PAIRS rows of NR words of each panel, as it lies in memory: pair, panel, word in the
// row.
#define PAIR_OF(quad) ((quad) % (PAIRS * NR / 4) / (NR / 4))
#define PANEL_OF(quad) ((quad) / (PAIRS * NR / 4))
#define WORD_OF(quad) ((quad) % (NR / 4) * 4)

// What an item reads ahead of the multiplications: words of A, and of B two steps of four columns each.
typedef struct {
  uint4 a[READS_A];
  uint2 even[READS_B], odd[READS_B];
} read_words;

// Reads steps `at` .. at + TILE_K - 1: zeros past the last step and the last panel.
INLINE void read_ahead(int item, int at, int k_local, int first, int steps, int panel_m, int panels_m, int panel_n,
                       int panels_n, __global const uint *a, __global const uint2 *b, read_words *ahead) {
  const int pairs = (steps + 1) / 2;
  UNROLL for (int r = 0; r < READS_A; r++) {
    const int quad = r * ITEMS + item, panel = panel_m + PANEL_OF(quad), pair = at / 2 + PAIR_OF(quad);
    ahead->a[r] = 0;
    if (panel < panels_m && pair < pairs)
      ahead->a[r] = *(__global const uint4 *)(a + ((long)panel * pairs + pair) * NR + WORD_OF(quad));
  }
  UNROLL for (int r = 0; r < READS_B; r++) {
    const int quad = r * ITEMS + item, panel = panel_n + PANEL_OF(quad), step = at + 2 * PAIR_OF(quad);
    __global const uint2 *row = b + (((long)panel * k_local + first + step) * NR + WORD_OF(quad)) / 4;
    ahead->even[r] = ahead->odd[r] = 0;
    if (panel < panels_n && step < steps) ahead->even[r] = row[0];
    if (panel < panels_n && step + 1 < steps) ahead->odd[r] = row[NR / 4];
  }
}

// Puts what was read into a buffer: pair q of row i of the tile is word q * stride + i.
INLINE void put(int item, const read_words *ahead, __local uint *tile_a, __local uint *tile_b) {
  UNROLL for (int r = 0; r < READS_A; r++) {
    const int quad = r * ITEMS + item;
    *(__local uint4 *)(tile_a + PAIR_OF(quad) * STRIDE_M + PANEL_OF(quad) * NR + WORD_OF(quad)) = ahead->a[r];
  }
  UNROLL for (int r = 0; r < READS_B; r++) {
    const int quad = r * ITEMS + item;
    const uint2 x = ahead->even[r], y = ahead->odd[r];
    *(__local uint4 *)(tile_b + PAIR_OF(quad) * STRIDE_N + PANEL_OF(quad) * NR + WORD_OF(quad)) =
      (uint4)((x.s0 & 0xffff) | y.s0 << 16, x.s0 >> 16 | (y.s0 & 0xffff0000), (x.s1 & 0xffff) | y.s1 << 16,
              x.s1 >> 16 | (y.s1 & 0xffff0000));
  }
}

INLINE void store(float sum, float scale, float beta, __global float *c) {
  const float x = scale * sum;
  *c = beta == 0 ? x : fma(beta, *c, x);
}

__kernel __attribute__((reqd_work_group_size(32, WARPS_M * WARPS_N, 1)))
void gemm_mma(int m, int n, int k_local, int first, int steps, float alpha, float beta, __global const uint *restrict a,
              __global const float *restrict scales, __global const uint2 *restrict b, __global float *restrict c,
              long c_offset, long ldc) {
  __local uint tile_a[2][PAIRS * STRIDE_M] __attribute__((aligned(16)));
  __local uint tile_b[2][PAIRS * STRIDE_N] __attribute__((aligned(16)));
#if !MMA_PTX
  __local lane_operands lanes[ITEMS];
#endif
  const int lane = get_local_id(0), warp = get_local_id(1), item = warp * 32 + lane, g = lane / 4, t = lane % 4;
  const int row0 = get_group_id(0) * TILE_M, column0 = get_group_id(1) * TILE_N;
  const int panels_m = (m + NR - 1) / NR, panels_n = (n + NR - 1) / NR;
  const int warp_m = warp % WARPS_M * 16 * FRAGMENTS_M, warp_n = warp / WARPS_M * 8 * FRAGMENTS_N;
  float sum[FRAGMENTS_M][FRAGMENTS_N][4];
  UNROLL for (int i = 0; i < FRAGMENTS_M; i++) {
    UNROLL for (int j = 0; j < FRAGMENTS_N; j++) {
      UNROLL for (int e = 0; e < 4; e++) sum[i][j][e] = 0;
    }
  }
  read_words ahead;
  read_ahead(item, 0, k_local, first, steps, row0 / NR, panels_m, column0 / NR, panels_n, a, b, &ahead);
  for (int at = 0, buffer = 0; at < steps; at += TILE_K, buffer = 1 - buffer) {
    put(item, &ahead, tile_a[buffer], tile_b[buffer]);
    // Who passes has read the other buffer, which is filled next.
    barrier(CLK_LOCAL_MEM_FENCE);
    read_ahead(item, at + TILE_K, k_local, first, steps, row0 / NR, panels_m, column0 / NR, panels_n, a, b, &ahead);
    UNROLL for (int q = 0; q < PAIRS; q += 8) {
      __local const uint *lane_a = tile_a[buffer] + (q + t) * STRIDE_M + warp_m + g;
      __local const uint *lane_b = tile_b[buffer] + (q + t) * STRIDE_N + warp_n + g;
      uint fragment_b[FRAGMENTS_N][2];
      UNROLL for (int j = 0; j < FRAGMENTS_N; j++) {
        fragment_b[j][0] = lane_b[8 * j];
        fragment_b[j][1] = lane_b[8 * j + 4 * STRIDE_N];
      }
      UNROLL for (int i = 0; i < FRAGMENTS_M; i++) {
        const uint fragment_a[4] = {lane_a[16 * i], lane_a[16 * i + 8], lane_a[16 * i + 4 * STRIDE_M],
                                    lane_a[16 * i + 8 + 4 * STRIDE_M]};
        UNROLL for (int j = 0; j < FRAGMENTS_N; j++) { MULTIPLY_ADD(sum[i][j], fragment_a, fragment_b[j]); }
      }
    }
  }
  UNROLL for (int i = 0; i < FRAGMENTS_M; i++) {
    UNROLL for (int e = 0; e < 4; e += 2) {
      const int row = row0 + warp_m + 16 * i + g + 4 * e, column = column0 + warp_n + 2 * t;
      if (row < m) {
        const float scale = alpha * scales[row];
        __global float *out = c + c_offset + row * ldc + column;
        UNROLL for (int j = 0; j < FRAGMENTS_N; j++) {
          if (column + 8 * j < n) store(sum[i][j][e], scale, beta, out + 8 * j);
          if (column + 8 * j + 1 < n) store(sum[i][j][e + 1], scale, beta, out + 8 * j + 1);
        }
      }
    }
  }
}
