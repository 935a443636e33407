// SPDX-License-Identifier: Apache-2.0
// common/rows: sums and maxima over the elements of a row, in one order on every device. OpenCL C and C: the CPU
// fallback includes this file too (Sources/CShardHost/rows.h).
//
// A row is summed in ROW_CHAINS chains: chain c takes elements c, c + ROW_CHAINS, c + 2 * ROW_CHAINS ... ascending,
// from +0, with one addition or fma each. Then the chains join in halves: s[i] = s[i] + s[i + 64] for i < 64, then 32,
// 16, 8, 4, 2, 1.
//
// ITEMS work-items share a row; each owns STRIPES vectors of FUNCTION_LANES chains that lie side by side, vector v of
// item t from chain (v * ITEMS + t) * FUNCTION_LANES on. On CPU devices one item has all chains, in vectors; on GPUs
// ROW_CHAINS items have one each, so that neighbours read neighbours.
// Prepend common/elements, common/functions.
#define ROW_CHAINS 128
#ifndef ITEMS
#define ITEMS 1 // 1, or ROW_CHAINS where FUNCTION_LANES is 1
#endif
#define STRIPES (ROW_CHAINS / (ITEMS * FUNCTION_LANES))
#ifdef __OPENCL_C_VERSION__
#define UNROLL _Pragma("unroll")
#endif
#if ITEMS == 1
#define ITEM 0
#define SHARED int shared
#define DECLARE_SHARED const int shared = 0;
#elif ITEMS == ROW_CHAINS && FUNCTION_LANES == 1
#define ITEM ((int)get_local_id(0))
#define SHARED __local float *shared // what the items of a row exchange
#define DECLARE_SHARED __local float shared[ROW_CHAINS + 8];
#else
#error "common/rows: ITEMS must be 1, or ROW_CHAINS where FUNCTION_LANES is 1"
#endif

// Runs `statement` for this item's part of a row of n elements: vector v of its chains takes `count` elements, at most
// FUNCTION_LANES, from element j on. `statement` has no comma outside parentheses. LOOP: UNROLL where it is short.
#define EACH_PART_BY(LOOP, n, statement)                                                                               \
  {                                                                                                                    \
    long at = 0;                                                                                                       \
    for (; at + ROW_CHAINS <= (n); at += ROW_CHAINS) {                                                                 \
      LOOP for (int v = 0; v < STRIPES; v++) {                                                                         \
        const long j = at + (v * ITEMS + ITEM) * FUNCTION_LANES, count = FUNCTION_LANES;                               \
        statement                                                                                                      \
      }                                                                                                                \
    }                                                                                                                  \
    for (int v = 0; v < STRIPES; v++) {                                                                                \
      const long j = at + (v * ITEMS + ITEM) * FUNCTION_LANES, left = (n) - j;                                         \
      if (left >= FUNCTION_LANES) {                                                                                    \
        const long count = FUNCTION_LANES;                                                                             \
        statement                                                                                                      \
      } else if (left > 0) {                                                                                           \
        const long count = left;                                                                                       \
        statement                                                                                                      \
      }                                                                                                                \
    }                                                                                                                  \
  }
#define EACH_PART(n, statement) EACH_PART_BY(UNROLL, n, statement)
#define EACH_LONG_PART(n, statement) EACH_PART_BY(, n, statement) // where a copy for each vector is too much
#define START(chain, value) UNROLL for (int v = 0; v < STRIPES; v++) chain[v] = EACH(value);

#define SUM 0
#define MAX 1
INLINE floats join_vectors(int operation, floats a, floats b) { return operation == SUM ? a + b : a > b ? a : b; }
INLINE float join_floats(int operation, float a, float b) { return operation == SUM ? a + b : a > b ? a : b; }

// Joins the first `width` of an array of at least 2 * width with those that lie `width` further on.
#define HALVE(JOIN, array, length, width)                                                                              \
  if ((length) >= 2 * (width)) {                                                                                       \
    UNROLL for (int i = 0; i < (width); i++) array[i] = JOIN(operation, array[i], array[i + (width)]);                 \
  }

// What all chains of a row join to, in every lane of every item.
INLINE floats joined(int operation, floats chain[STRIPES], SHARED) {
#if ITEMS == 1
  HALVE(join_vectors, chain, STRIPES, 64)
  HALVE(join_vectors, chain, STRIPES, 32)
  HALVE(join_vectors, chain, STRIPES, 16)
  HALVE(join_vectors, chain, STRIPES, 8)
  HALVE(join_vectors, chain, STRIPES, 4)
  HALVE(join_vectors, chain, STRIPES, 2)
  HALVE(join_vectors, chain, STRIPES, 1)
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } last;
  last.vector = chain[0];
  HALVE(join_floats, last.element, FUNCTION_LANES, 8)
  HALVE(join_floats, last.element, FUNCTION_LANES, 4)
  HALVE(join_floats, last.element, FUNCTION_LANES, 2)
  HALVE(join_floats, last.element, FUNCTION_LANES, 1)
  (void)shared;
  return EACH(last.element[0]);
#else
  float s[16];
  shared[ITEM] = chain[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  if (ITEM < 8) {
    UNROLL for (int i = 0; i < 16; i++) s[i] = shared[ITEM + 8 * i];
    HALVE(join_floats, s, 16, 8)
    HALVE(join_floats, s, 16, 4)
    HALVE(join_floats, s, 16, 2)
    HALVE(join_floats, s, 16, 1)
    shared[ROW_CHAINS + ITEM] = s[0];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL for (int i = 0; i < 8; i++) s[i] = shared[ROW_CHAINS + i];
  HALVE(join_floats, s, 8, 4)
  HALVE(join_floats, s, 8, 2)
  HALVE(join_floats, s, 8, 1)
  return s[0];
#endif
}
