// SPDX-License-Identifier: Apache-2.0
// gemm/pack_pairs: rounds activations to a type of 16 bits, in the panels that gemm/mma reads.
// A       m x k  a[a_offset + i * row_stride + p * column_stride], f32
// scales  m      of each row (gemm/row_scales); what is rounded is A[i][p] / scales[i]
// panels  words of two neighbours along k, the lower one in the lower half:
//         panels[(i / WIDTH * pairs + q) * WIDTH + i % WIDTH] = (A[i][2q], A[i][2q + 1]), pairs = ceil(k / 2);
//         rows past m and the step past an odd k are zero
// Work-group (x, y) of ITEMS items does pairs x * PAIRS .. of panel y: local size (ITEMS, 1), global size
// (ITEMS * ceil(pairs / PAIRS), ceil(m / WIDTH)). A goes through local memory, so that reads and writes are both wide.
// Prepend common/elements.
// gpu: -DTYPE=*
#ifndef WIDTH
#define WIDTH 32 // rows of a panel
#endif
#ifndef TYPE
#define TYPE F16 // F16, BF16
#endif
#if ELEMENT(TYPE) != ELEMENT_F16 && ELEMENT(TYPE) != ELEMENT_BF16
#error "gemm/pack_pairs: TYPE must be F16 or BF16"
#endif
#define PAIRS 16
#define ITEMS 128
#define WORDS (WIDTH * PAIRS)

INLINE void put(float x, __local STORAGE(TYPE) *p) {
#if ELEMENT(TYPE) == ELEMENT_F16
  vstore_half_rte(x, 0, p);
#else
  const uint bits = as_uint(x);
  *p = isnan(x) ? bits >> 16 | 64 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16; // 64: the quiet bit
#endif
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_pack_pairs(int m, int k, __global const float *restrict a, long a_offset, long row_stride, long column_stride,
                     __global const float *restrict scales, __global uint *restrict panels) {
  __local uint tile[WIDTH][PAIRS + 1]; // a column more, so that neither direction meets one bank twice
  const int item = get_local_id(0), pairs = (k + 1) / 2;
  const int first = get_group_id(0) * PAIRS, panel = get_group_id(1);
  for (int word = item; word < WORDS; word += ITEMS) {
    // Neighbours read neighbours, along k or along m.
    const int r = row_stride == 1 ? word % WIDTH : word / PAIRS, q = row_stride == 1 ? word / WIDTH : word % PAIRS;
    const int row = panel * WIDTH + r, p = 2 * (first + q);
    __global const float *source = a + a_offset + row * row_stride + p * column_stride;
    const float inverse = row < m ? as_float((254u << 23) - as_uint(scales[row])) : 0; // of a power of two
    __local STORAGE(TYPE) *both = (__local STORAGE(TYPE) *)&tile[r][q];
    put(row < m && p < k ? source[0] * inverse : 0, both);
    put(row < m && p + 1 < k ? source[column_stride] * inverse : 0, both + 1);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int word = item; word < WORDS; word += ITEMS) {
    const int r = word % WIDTH, q = word / WIDTH;
    if (first + q < pairs) panels[((long)panel * pairs + first + q) * WIDTH + r] = tile[r][q];
  }
}
