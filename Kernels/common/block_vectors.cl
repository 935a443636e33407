// SPDX-License-Identifier: Apache-2.0
// common/block_vectors: the columns of a quantised panel (common/blocks) as vectors on CPU devices, a lane for each
// row.
// Prepend common/elements, common/tiles, common/blocks.
#define WORD_(TYPE, N) TYPE##N
#define WORD(TYPE, N) WORD_(TYPE, N)
typedef WORD(uint, VECTOR) uint_vector;
typedef WORD(uchar, VECTOR) byte_vector __attribute__((aligned(1)));
typedef WORD(char, VECTOR) signed_byte_vector __attribute__((aligned(1)));
typedef uint_vector unaligned_uint_vector __attribute__((aligned(1)));
#define UINTS WORD(convert_uint, VECTOR)
#define FLOATS WORD(convert_float, VECTOR)
#define HALVES(p) WORD(vload_half, VECTOR)(0, (__global const half *)(p))
#define AS_FLOATS WORD(as_float, VECTOR)

// Scale and offset of each row in a group.
typedef struct {
  vector scale[NV];
  vector offset[NV]; // where there are offsets
} group_scales;

INLINE group_scales load_scales(__global const uchar *record, int group) {
  group_scales of;
  UNROLL for (int v = 0; v < NV; v++) {
    of.scale[v] = HALVES(record + 2 * v * VECTOR);
#if FORMAT_IS(Q6_K)
    of.scale[v] *= FLOATS(*(__global const signed_byte_vector *)(record + SCALES_AT * NR + group * NR + v * VECTOR));
#elif NESTED
    of.scale[v] *= FLOATS(*(__global const byte_vector *)(record + SCALES_AT * NR + group * NR + v * VECTOR));
#endif
    if (OFFSETS) of.offset[v] = HALVES(record + M_AT * NR + 2 * v * VECTOR);
    if (OFFSETS && NESTED)
      of.offset[v] *= -FLOATS(*(__global const byte_vector *)(record + OFFSETS_AT * NR + group * NR + v * VECTOR));
  }
  return of;
}

// Entry `number` of IQ4_NL's table. Where the compiler has it, by the one instruction that x86 has for it.
#define IQ4_NL_VALUES -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
__constant float iq4_nl_values[16] = {IQ4_NL_VALUES};
INLINE vector number_values(uint_vector number) {
#if VECTOR == 16 && defined(__AVX512F__) && __has_builtin(__builtin_ia32_permvarsf512)
  return __builtin_ia32_permvarsf512((float16)(IQ4_NL_VALUES), as_int16(number));
#elif VECTOR == 8 && defined(__AVX2__) && __has_builtin(__builtin_ia32_permvarsf256)
  const float16 values = (float16)(IQ4_NL_VALUES);
  return select(__builtin_ia32_permvarsf256(values.lo, as_int8(number)),
                __builtin_ia32_permvarsf256(values.hi, as_int8(number)), number > 7u);
#else
  float value[VECTOR];
  const uint *index = (const uint *)&number;
  UNROLL for (int lane = 0; lane < VECTOR; lane++) value[lane] = iq4_nl_values[index[lane]];
  return *(vector *)value;
#endif
}

// 2^23 plus a whole number below it, as bits: floats there have no fraction, so that an `or` and a subtraction convert
// exactly, in fewer instructions than an integer subtraction and a conversion.
#define MAGIC_BITS 0x4b000000u
#define MAGIC 8388608.0f

// Bits of `high` that belong to `column` of the group, moved to bit 4.
INLINE uint_vector high_bits(uint_vector high, int column) {
  const int shift = HIGH * column - 4;
  return (shift < 0 ? high << (uint)-shift : high >> (uint)shift) & (uint)(HIGH == 2 ? 0x30 : 0x10);
}

// The values q of columns 2 * pair and 2 * pair + 1 of a group; `high` are its high bits.
INLINE void load_pair(__global const uchar *record, int group, int pair, int v, uint_vector high, vector q[2]) {
  record += LOW_AT * NR + v * VECTOR;
  if (LOW == 8) {
    q[0] = FLOATS(*(__global const signed_byte_vector *)(record + 2 * pair * NR));
    q[1] = FLOATS(*(__global const signed_byte_vector *)(record + (2 * pair + 1) * NR));
    return;
  }
  const uint_vector low = UINTS(*(__global const byte_vector *)(record + (group * GROUP / 2 + pair) * NR));
  if (FORMAT_IS(IQ4_NL)) {
    q[0] = number_values(low & 15u);
    q[1] = number_values(low >> 4u);
    return;
  }
  uint_vector first = (low & 15u) | MAGIC_BITS, second = (low >> 4u) | MAGIC_BITS;
  if (HIGH) {
    first |= high_bits(high, 2 * pair);
    second |= high_bits(high, 2 * pair + 1);
  }
  q[0] = AS_FLOATS(first) - (MAGIC + BIAS);
  q[1] = AS_FLOATS(second) - (MAGIC + BIAS);
}

INLINE uint_vector load_high(__global const uchar *record, int group, int v) {
  if (!HIGH) return 0;
  return *(__global const unaligned_uint_vector *)(record + HIGH_AT * NR + 4 * (group * NR + v * VECTOR));
}
