// SPDX-License-Identifier: Apache-2.0
// common/tiles: a register tile of ROWS x NR sums on CPU devices, as vectors: sum[row][v], column v * VECTOR + lane.
// Shared by gemm/packed and gemv/panels, so that both read the same panels of B.
// Prepend common/elements, common/functions, common/epilogue.
#ifndef ROWS
#define ROWS 1 // rows of the tile
#endif
#ifndef NR
#define NR 32 // columns of the tile and of a panel of B, a multiple of VECTOR
#endif
#ifndef VECTOR
#define VECTOR 16 // floats of a vector register: 4, 8, 16
#endif
#ifndef B_TYPE
#define B_TYPE F32 // F32, F16, BF16
#endif
#if NR % VECTOR
#error "common/tiles: VECTOR must divide NR"
#endif
#if VECTOR != 4 && VECTOR != 8 && VECTOR != 16
#error "common/tiles: VECTOR must be 4, 8 or 16"
#endif
#if !ELEMENT(B_TYPE)
#error "common/tiles: B_TYPE must be F32, F16 or BF16"
#endif

#define NV (NR / VECTOR)
#define TILE (ROWS * NV) // vectors of a tile
typedef JOIN_WORDS(float, VECTOR) vector;
typedef vector unaligned_vector __attribute__((aligned(4))); // vstore16 is four stores on some devices

#define UNROLL _Pragma("unroll")
#define EACH_VECTOR(statement)                                                                                         \
  UNROLL for (int i = 0; i < ROWS; i++) {                                                                              \
    UNROLL for (int v = 0; v < NV; v++) { statement; }                                                                 \
  }

// Fetches the row of B that is `steps` steps of k ahead.
#define FETCH_B(b, steps)                                                                                              \
  if (steps) {                                                                                                         \
    UNROLL for (int j = 0; j < NR; j += 64 / sizeof(STORAGE(B_TYPE))) FETCH((b) + (steps) * NR + j);                   \
  }

#if EPILOGUE
#if FUNCTION_LANES != VECTOR
#error "common/tiles: FUNCTION_LANES must be VECTOR"
#endif
// Stores what the epilogue makes of the rows x columns of the tile that are inside.
INLINE void store_tile(vector sum[ROWS][NV], int rows, int columns, float alpha, float beta, __global float *c,
                       long ldc, epilogue e) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < NR && j < columns; j += VECTOR)
      store_finished(sum[i][j / VECTOR], columns - j, alpha, beta, i, j, c, ldc, e);
}
#else
// Stores alpha * sum + beta * C, the rows x columns of the tile that are inside C.
INLINE void store_tile(vector sum[ROWS][NV], int rows, int columns, float alpha, float beta, __global float *c,
                              long ldc) {
  if (columns >= NR) {
    UNROLL for (int i = 0; i < ROWS; i++) {
      if (i < rows) {
        __global unaligned_vector *out = (__global unaligned_vector *)(c + i * ldc);
        UNROLL for (int v = 0; v < NV; v++) {
          const vector x = alpha * sum[i][v];
          out[v] = beta == 0 ? x : fma((vector)(beta), out[v], x);
        }
      }
    }
    return;
  }
  vector tile[TILE];
  EACH_VECTOR(tile[i * NV + v] = sum[i][v])
  const float *element = (const float *)tile;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const float x = alpha * element[i * NR + j];
      c[i * ldc + j] = beta == 0 ? x : fma(beta, c[i * ldc + j], x);
    }
}
#endif
