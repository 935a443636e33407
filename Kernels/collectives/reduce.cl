// SPDX-License-Identifier: Apache-2.0
// collectives/reduce: ADDENDS matrices into one, element by element, in the order of the expression TREE.
// addend i  rows x count  a_i[offset_i + row * addend_stride + e], ELEMENT_TYPE, i < ADDENDS
// target    rows x count  target[target_offset + row * target_stride + e]; may be one of the addends
// Arithmetic in f32, rounded once to nearest even at the end. MAX and MIN of a NaN are NaN; -0 is less than +0.
// Work-item (x, y) has elements x * run .. x * run + run - 1 of row y. Any work-group size. Global size
// (ceil(count / run), rows); on GPUs run = 4.
// Prepend common/elements. Example: -DADDENDS=3 -DTREE="JOIN(a0,JOIN(a1,a2))" -DOPERATION=SUM
#ifndef ADDENDS
#define ADDENDS 2 // 1 to 16
#endif
#ifndef ELEMENT_TYPE
#define ELEMENT_TYPE F32 // F32, F16, BF16
#endif
// gpu: -DVECTOR=4 -DELEMENT_TYPE=*
// gpu: -DVECTOR=4 -DELEMENT_TYPE=* -DOPERATION=MAX
// gpu: -DVECTOR=4 -DADDENDS=16 -DTREE=a0+a1+a2+a3+a4+a5+a6+a7+a8+a9+a10+a11+a12+a13+a14+a15
// check: -DOPERATION=MIN -DADDENDS=3 -DVECTOR=16 -DTREE=JOIN(a0,JOIN(a1,a2))
#ifndef OPERATION
#define OPERATION SUM // SUM, MAX, MIN
#endif
#ifndef VECTOR
#define VECTOR 8 // elements at a time: 4, 8, 16
#endif
#ifndef TREE
#if ADDENDS != 2
#error "collectives/reduce: TREE is needed, such as JOIN(JOIN(a0,a1),a2)"
#endif
#define TREE JOIN(a0, a1)
#endif
#define OPERATION_SUM 1
#define OPERATION_MAX 2
#define OPERATION_MIN 3
#define CODE JOIN_WORDS(OPERATION_, OPERATION)
#if ADDENDS < 1 || ADDENDS > 16
#error "collectives/reduce: ADDENDS must be 1 to 16"
#endif
#if !ELEMENT(ELEMENT_TYPE) || !CODE
#error "collectives/reduce: ELEMENT_TYPE must be F32, F16 or BF16, OPERATION SUM, MAX or MIN"
#endif

#if CODE == OPERATION_SUM
#define JOIN(x, y) ((x) + (y))
#else
#if CODE == OPERATION_MAX
#define AHEAD isgreater
#define MERGE &
#else
#define AHEAD isless
#define MERGE |
#endif
#define JOIN(x, y) first_of(x, y)
typedef float float1;
#define as_float1 as_float
#define as_int1 as_int
// Equal operands differ in the sign of zero only, which & and | settle.
#define DEFINE_ORDER_(N)                                                                                               \
  INLINE float##N __attribute__((overloadable)) first_of(float##N x, float##N y) {                                     \
    const float##N other = select(y, x, AHEAD(x, y) | isnan(x));                                                       \
    return select(other, as_float##N(as_int##N(x) MERGE as_int##N(y)), isequal(x, y));                                 \
  }
#define DEFINE_ORDER(N) DEFINE_ORDER_(N)
DEFINE_ORDER(1)
DEFINE_ORDER(VECTOR)
#endif

#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_3(M) EACH_2(M) M(2)
#define EACH_4(M) EACH_3(M) M(3)
#define EACH_5(M) EACH_4(M) M(4)
#define EACH_6(M) EACH_5(M) M(5)
#define EACH_7(M) EACH_6(M) M(6)
#define EACH_8(M) EACH_7(M) M(7)
#define EACH_9(M) EACH_8(M) M(8)
#define EACH_10(M) EACH_9(M) M(9)
#define EACH_11(M) EACH_10(M) M(10)
#define EACH_12(M) EACH_11(M) M(11)
#define EACH_13(M) EACH_12(M) M(12)
#define EACH_14(M) EACH_13(M) M(13)
#define EACH_15(M) EACH_14(M) M(14)
#define EACH_16(M) EACH_15(M) M(15)
#define EACH_ADDEND(M) JOIN_WORDS(EACH_, ADDENDS)(M)

typedef STORAGE(ELEMENT_TYPE) stored;
#define ARGUMENT(i) , __global const stored *addend##i, long offset##i
#define ADVANCE(i) addend##i += offset##i + row * addend_stride;
#define READ_VECTOR(i) const JOIN_WORDS(float, VECTOR) a##i = LOAD(ELEMENT_TYPE, VECTOR)(addend##i + e);
#define READ_ONE(i) const float a##i = LOAD(ELEMENT_TYPE, 1)(addend##i + e);

__kernel void collectives_reduce(long count, int run, long addend_stride, long target_stride EACH_ADDEND(ARGUMENT),
                                 __global stored *target, long target_offset) {
  const long row = get_global_id(1);
  EACH_ADDEND(ADVANCE)
  target += target_offset + row * target_stride;
  const long first = (long)get_global_id(0) * run, end = min(count, first + run);
  long e = first;
  for (; e + VECTOR <= end; e += VECTOR) {
    EACH_ADDEND(READ_VECTOR)
    STORE(ELEMENT_TYPE, VECTOR)(TREE, target + e);
  }
  for (; e < end; e++) {
    EACH_ADDEND(READ_ONE)
    STORE(ELEMENT_TYPE, 1)(TREE, target + e);
  }
}
