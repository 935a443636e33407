// SPDX-License-Identifier: Apache-2.0
// gemm/halves: C = alpha * A . B^T + beta * C in f16 arithmetic (cl_khr_fp16), for weights of f16 and products that may
// leave the one order: A is rounded once to f16, runs of RUN steps of k add up in f16, the runs in f32.
// A       m x steps    a[(i / NR * pairs + q) * NR + i % NR] = (A[i][2q], A[i][2q + 1]), pairs = ceil(steps / 2), each
//                      divided by scales[i] (gemm/row_scales with TOP = -log2(RUN): no run overflows): the panels
//                      of gemm/pack_pairs
// B       n x k_local  b[((j / NR) * k_local + p) * NR + j % NR], f16, the panels of gemm/tiled, eight columns at a
//                      time; steps `first` .. first + steps - 1 take part: one node of the sum
// C       m x n        c[c_offset + i * ldc + j], f32; not read where beta is 0
// Work-group (x, y) makes rows x * TILE_M .. and columns y * TILE_N .. of C. Local size (LOCAL_X, LOCAL_Y) =
// (TILE_N / 8, TILE_M / PER_ITEM_M); global size (LOCAL_X * ceil(m / TILE_M), LOCAL_Y * ceil(n / TILE_N)). Item (x, y)
// has rows 4 * (v * LOCAL_Y + y) + 0..3 of the tile, v < PER_ITEM_M / 4, and columns 8 * x + 0..7.
// Local memory: two buffers of RUN * (TILE_M + TILE_N) halves, filled and read in turns with one barrier each.
// Edges: any m, n, steps; zeros past them.
// Prepend common/elements.
#ifndef TILE_M
#define TILE_M 64 // rows of a tile: 64, 128
#endif
#ifndef TILE_N
#define TILE_N 64 // columns of a tile: 64, 128
#endif
#ifndef PER_ITEM_M
#define PER_ITEM_M (TILE_M / 16) // rows of a work-item, a multiple of 4
#endif
#ifndef HALF_ARITHMETIC
#define HALF_ARITHMETIC 0 // 1: the device's; 0: f32 rounded to f16 after each step, to test all the rest anywhere
#endif
// check: -DTILE_M=128 -DTILE_N=128
// amd: -DHALF_ARITHMETIC=1
// amd: -DHALF_ARITHMETIC=1 -DTILE_M=128 -DTILE_N=128
#define NR 32  // rows of a panel
#define RUN 16 // steps of k in a buffer and in one f16 sum
#define PAIRS (RUN / 2)
#define LOCAL_X (TILE_N / 8)
#define LOCAL_Y (TILE_M / PER_ITEM_M)
#define ITEMS (LOCAL_X * LOCAL_Y)
#define READS_A (PAIRS * TILE_M / 4) // uint4 of a buffer
#define READS_B (RUN * TILE_N / 8)
#define READS ((READS_A + READS_B) / ITEMS)
#if PER_ITEM_M % 4 || TILE_M % NR || TILE_N % NR || (READS_A + READS_B) % ITEMS
#error "gemm/halves: tiles must be whole panels, and their reads must divide among the items"
#endif

#if HALF_ARITHMETIC
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef half8 eight;
INLINE eight eight_of(uint4 bits) { return as_half8(bits); }
INLINE eight multiply_add(uint word, int upper, eight b, eight sum) {
  const half2 pair = as_half2(word);
  return fma((half8)(upper ? pair.s1 : pair.s0), b, sum);
}
INLINE float8 widened(eight x) { return (float8)(x.s0, x.s1, x.s2, x.s3, x.s4, x.s5, x.s6, x.s7); }
#else
typedef float8 eight;
INLINE eight eight_of(uint4 bits) { return vload_half8(0, (const half *)&bits); }
INLINE eight multiply_add(uint word, int upper, eight b, eight sum) {
  const ushort bits = upper ? word >> 16 : word & 0xffff;
  uint4 rounded;
  vstore_half8_rte(fma((float8)(vload_half(0, (const half *)&bits)), b, sum), 0, (half *)&rounded);
  return eight_of(rounded);
}
INLINE float8 widened(eight x) { return x; }
#endif
#define UNROLL _Pragma("unroll")

// Reads steps at .. at + RUN - 1 of the tile's panels: zeros past the last step and the last panel.
INLINE void read_ahead(int item, int at, int k_local, int first, int steps, int panel_m, int panels_m, int panel_n,
                       int panels_n, __global const uint *a, __global const uint4 *b, uint4 ahead[READS]) {
  const int pairs = (steps + 1) / 2;
  UNROLL for (int r = 0; r < READS; r++) {
    const int read = r * ITEMS + item;
    ahead[r] = 0;
    if (read < READS_A) {
      const int panel = panel_m + read / (PAIRS * NR / 4), pair = at / 2 + read % (PAIRS * NR / 4) / (NR / 4);
      if (panel < panels_m && pair < pairs)
        ahead[r] = *(__global const uint4 *)(a + ((long)panel * pairs + pair) * NR + read % (NR / 4) * 4);
    } else {
      const int rest = read - READS_A, panel = panel_n + rest / (RUN * NR / 8);
      const int step = at + rest % (RUN * NR / 8) / (NR / 8);
      if (panel < panels_n && step < steps)
        ahead[r] = b[((long)panel * k_local + first + step) * (NR / 8) + rest % (NR / 8)];
    }
  }
}

// Puts what was read into a buffer: pair q of row i is word q * TILE_M + i, step p of eight columns uint4
// p * LOCAL_X + x.
INLINE void put(int item, const uint4 ahead[READS], __local uint *tile_a, __local uint4 *tile_b) {
  UNROLL for (int r = 0; r < READS; r++) {
    const int read = r * ITEMS + item;
    if (read < READS_A) {
      const int panel = read / (PAIRS * NR / 4), pair = read % (PAIRS * NR / 4) / (NR / 4);
      *(__local uint4 *)(tile_a + pair * TILE_M + panel * NR + read % (NR / 4) * 4) = ahead[r];
    } else {
      const int rest = read - READS_A, panel = rest / (RUN * NR / 8), step = rest % (RUN * NR / 8) / (NR / 8);
      tile_b[step * LOCAL_X + panel * (NR / 8) + rest % (NR / 8)] = ahead[r];
    }
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL_X, LOCAL_Y, 1)))
void gemm_halves(int m, int n, int k_local, int first, int steps, float alpha, float beta,
                 __global const uint *restrict a, __global const float *restrict scales,
                 __global const uint4 *restrict b, __global float *restrict c, long c_offset, long ldc) {
  __local uint tile_a[2][PAIRS * TILE_M] __attribute__((aligned(16)));
  __local uint4 tile_b[2][RUN * LOCAL_X];
  const int x = get_local_id(0), y = get_local_id(1), item = y * LOCAL_X + x;
  const int row0 = get_group_id(0) * TILE_M, column0 = get_group_id(1) * TILE_N;
  const int panels_m = (m + NR - 1) / NR, panels_n = (n + NR - 1) / NR;
  float8 sum[PER_ITEM_M];
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) sum[i] = 0;
  uint4 ahead[READS];
  read_ahead(item, 0, k_local, first, steps, row0 / NR, panels_m, column0 / NR, panels_n, a, b, ahead);
  for (int at = 0; at < steps; at += RUN) {
    const int buffer = at / RUN % 2;
    put(item, ahead, tile_a[buffer], tile_b[buffer]);
    // Who passes has read the other buffer, which is filled next.
    barrier(CLK_LOCAL_MEM_FENCE);
    read_ahead(item, at + RUN, k_local, first, steps, row0 / NR, panels_m, column0 / NR, panels_n, a, b, ahead);
    eight run[PER_ITEM_M];
    UNROLL for (int i = 0; i < PER_ITEM_M; i++) run[i] = 0;
    UNROLL for (int q = 0; q < PAIRS; q++) {
      const eight even = eight_of(tile_b[buffer][2 * q * LOCAL_X + x]);
      const eight odd = eight_of(tile_b[buffer][(2 * q + 1) * LOCAL_X + x]);
      UNROLL for (int i = 0; i < PER_ITEM_M; i += 4) {
        uint words[4];
        vstore4(*(__local const uint4 *)(tile_a[buffer] + q * TILE_M + i * LOCAL_Y + 4 * y), 0, words);
        UNROLL for (int r = 0; r < 4; r++) {
          run[i + r] = multiply_add(words[r], 0, even, run[i + r]);
          run[i + r] = multiply_add(words[r], 1, odd, run[i + r]);
        }
      }
    }
    UNROLL for (int i = 0; i < PER_ITEM_M; i++) sum[i] += widened(run[i]);
  }
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
    const int row = row0 + i / 4 * 4 * LOCAL_Y + 4 * y + i % 4;
    if (row >= m) continue;
    __global float *out = c + c_offset + row * ldc + column0 + 8 * x;
    float values[8];
    vstore8(alpha * scales[row] * sum[i], 0, values);
    UNROLL for (int j = 0; j < 8; j++) {
      if (column0 + 8 * x + j < n) out[j] = beta == 0 ? values[j] : fma(beta, out[j], values[j]);
    }
  }
}
