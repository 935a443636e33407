// SPDX-License-Identifier: Apache-2.0
// gemm/dots: C = alpha * A . B^T + beta * C by integer dot products, for weights of Q8_0 and products that may leave
// the one order: A is rounded to 8 bits in blocks of 32 (gemm/quantise); a block's sum is exact, blocks add up in f32.
// A        m x 32 * count  words of four steps, ((i / NR * count + b) * 8 + j) * NR + i % NR; scales_a
//                          [(i / NR * count + b) * NR + i % NR]
// B        n x 32 * blocks records of 34 * NR bytes, record (j / NR) * blocks + b: NR scales of f16, then as A 8 * NR
//                          words; records `first` .. first + count - 1 take part: one node of the sum
// C        m x n           c[c_offset + i * ldc + j], f32; not read where beta is 0
// Work-group (x, y) makes rows x * TILE_M .. and columns y * TILE_N .. of C. Local size (TILE_N / PER_ITEM_N, TILE_M /
// PER_ITEM_M) = (LOCAL_X, LOCAL_Y), 256 items; global size (LOCAL_X * ceil(m / TILE_M), LOCAL_Y * ceil(n / TILE_N)).
// Item (x, y) has rows 4 * (v * LOCAL_Y + y) + 0..3 of the tile, v < PER_ITEM_M / 4, and columns alike.
// Local memory: two buffers of 9 * (TILE_M + TILE_N) words, filled and read in turns with one barrier each.
// Edges: any m, n; zeros past them.
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
#ifndef PER_ITEM_N
#define PER_ITEM_N (TILE_N / 16) // columns of a work-item, a multiple of 4
#endif
#ifndef DOT
#define DOT 0 // 0: in C; 1: cl_khr_integer_dot_product, -cl-std=CL3.0; 2: NVIDIA's dp4a
#endif
// check: -DTILE_M=128 -DTILE_N=128
// nvidia: -DDOT=2
// nvidia: -DDOT=2 -DTILE_M=128 -DTILE_N=128
// amd: defaults
// amd: -DTILE_M=128 -DTILE_N=128
#define NR 32 // rows of a panel
#define WORDS 8 // of a block, four steps each
#define LOCAL_X (TILE_N / PER_ITEM_N)
#define LOCAL_Y (TILE_M / PER_ITEM_M)
#define ITEMS (LOCAL_X * LOCAL_Y)
#define QUADS_A (WORDS * TILE_M / 4) // uint4 of a block of the tile
#define QUADS_B (WORDS * TILE_N / 4)
#define READS ((QUADS_A + QUADS_B) / ITEMS)
#define TILE (TILE_M + TILE_N) // a buffer's row: A, then B; the last row has the scales
#if PER_ITEM_M % 4 || PER_ITEM_N % 4 || TILE_M % NR || TILE_N % NR || (QUADS_A + QUADS_B) % ITEMS || TILE > ITEMS
#error "gemm/dots: tiles must be whole panels, and their reads must divide among the items"
#endif

#define UNROLL _Pragma("unroll")

INLINE int dot_add(uint a, uint b, int sum) {
#if DOT == 1
  return dot_acc_sat_4x8packed_ss_int(a, b, sum); // 32 products stay far from the limits
#elif DOT == 2
  int result;
  __asm__("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
#else
  const char4 x = as_char4(a), y = as_char4(b);
  return sum + x.s0 * y.s0 + x.s1 * y.s1 + x.s2 * y.s2 + x.s3 * y.s3;
#endif
}

// The quad of a tile that an item reads: panel, word of the block, row in the panel.
#define PANEL_OF(quad) ((quad) / (WORDS * NR / 4))
#define WORD_OF(quad) ((quad) % (WORDS * NR / 4) / (NR / 4))
#define ROW_OF(quad) ((quad) % (NR / 4) * 4)

typedef struct {
  uint4 words[READS];
  float scale;
} read_block;

// Reads block `block` of the tile's panels: zeros past the last panel.
INLINE void read_ahead(int item, int block, int blocks, int first, int count, int panel_m, int panels_m, int panel_n,
                       int panels_n, __global const uint *a, __global const float *scales_a, __global const uint *b,
                       read_block *ahead) {
  UNROLL for (int r = 0; r < READS; r++) {
    const int index = r * ITEMS + item, is_a = index < QUADS_A, quad = is_a ? index : index - QUADS_A;
    const int panel = (is_a ? panel_m : panel_n) + PANEL_OF(quad);
    __global const uint *record = is_a ? a + ((long)panel * count + block) * WORDS * NR
                                       : b + ((long)panel * blocks + first + block) * (34 * NR / 4) + NR / 2;
    ahead->words[r] = 0;
    if (block < count && panel < (is_a ? panels_m : panels_n))
      ahead->words[r] = *(__global const uint4 *)(record + WORD_OF(quad) * NR + ROW_OF(quad));
  }
  const int is_a = item < TILE_M, row = is_a ? item : item - TILE_M, panel = (is_a ? panel_m : panel_n) + row / NR;
  ahead->scale = 0;
  if (item < TILE && block < count && panel < (is_a ? panels_m : panels_n))
    ahead->scale = is_a ? scales_a[((long)panel * count + block) * NR + row % NR]
                        : vload_half(((long)panel * blocks + first + block) * (34 * NR / 2) + row % NR,
                                     (__global const half *)b);
}

INLINE void put(int item, const read_block *ahead, __local uint *tile) {
  UNROLL for (int r = 0; r < READS; r++) {
    const int index = r * ITEMS + item, is_a = index < QUADS_A, quad = is_a ? index : index - QUADS_A;
    *(__local uint4 *)(tile + WORD_OF(quad) * TILE + (is_a ? 0 : TILE_M) + PANEL_OF(quad) * NR + ROW_OF(quad)) =
      ahead->words[r];
  }
  if (item < TILE) tile[WORDS * TILE + item] = as_uint(ahead->scale);
}

__kernel __attribute__((reqd_work_group_size(LOCAL_X, LOCAL_Y, 1)))
void gemm_dots(int m, int n, int blocks, int first, int count, float alpha, float beta, __global const uint *restrict a,
               __global const float *restrict scales_a, __global const uint *restrict b, __global float *restrict c,
               long c_offset, long ldc) {
  __local uint tile[2][(WORDS + 1) * TILE] __attribute__((aligned(16)));
  const int x = get_local_id(0), y = get_local_id(1), item = y * LOCAL_X + x;
  const int row0 = get_group_id(0) * TILE_M, column0 = get_group_id(1) * TILE_N;
  const int panels_m = (m + NR - 1) / NR, panels_n = (n + NR - 1) / NR;
  float sum[PER_ITEM_M][PER_ITEM_N];
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
    UNROLL for (int j = 0; j < PER_ITEM_N; j++) sum[i][j] = 0;
  }
  read_block ahead;
  read_ahead(item, 0, blocks, first, count, row0 / NR, panels_m, column0 / NR, panels_n, a, scales_a, b, &ahead);
  for (int block = 0; block < count; block++) {
    __local uint *buffer = tile[block % 2];
    put(item, &ahead, buffer);
    // Who passes has read the other buffer, which is filled next.
    barrier(CLK_LOCAL_MEM_FENCE);
    read_ahead(item, block + 1, blocks, first, count, row0 / NR, panels_m, column0 / NR, panels_n, a, scales_a, b,
               &ahead);
    int dots[PER_ITEM_M][PER_ITEM_N];
    UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
      UNROLL for (int j = 0; j < PER_ITEM_N; j++) dots[i][j] = 0;
    }
    UNROLL for (int w = 0; w < WORDS; w++) {
      uint words_a[PER_ITEM_M], words_b[PER_ITEM_N];
      UNROLL for (int i = 0; i < PER_ITEM_M; i += 4)
        vstore4(*(__local const uint4 *)(buffer + w * TILE + i * LOCAL_Y + 4 * y), 0, words_a + i);
      UNROLL for (int j = 0; j < PER_ITEM_N; j += 4)
        vstore4(*(__local const uint4 *)(buffer + w * TILE + TILE_M + j * LOCAL_X + 4 * x), 0, words_b + j);
      UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
        UNROLL for (int j = 0; j < PER_ITEM_N; j++) dots[i][j] = dot_add(words_a[i], words_b[j], dots[i][j]);
      }
    }
    __local const float *scales = (__local const float *)(buffer + WORDS * TILE);
    UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
      const float scale = scales[i / 4 * 4 * LOCAL_Y + 4 * y + i % 4];
      UNROLL for (int j = 0; j < PER_ITEM_N; j++)
        sum[i][j] = fma(scale * scales[TILE_M + j / 4 * 4 * LOCAL_X + 4 * x + j % 4], (float)dots[i][j], sum[i][j]);
    }
  }
  UNROLL for (int i = 0; i < PER_ITEM_M; i++) {
    const int row = row0 + i / 4 * 4 * LOCAL_Y + 4 * y + i % 4;
    __global float *out = c + c_offset + row * ldc + column0;
    UNROLL for (int j = 0; j < PER_ITEM_N; j++) {
      const int column = j / 4 * 4 * LOCAL_X + 4 * x + j % 4;
      if (row < m && column0 + column < n) {
        const float value = alpha * sum[i][j];
        out[column] = beta == 0 ? value : fma(beta, out[column], value);
      }
    }
  }
}
