// SPDX-License-Identifier: Apache-2.0
// common/top_k: the k largest values of a row, in order. OpenCL C and C.
// A *candidate* is 64 bits that compare as the order does: above, a key of the value; below, ~column. So larger values
// come first, and of equal ones that of the lower column. -0 equals +0, and becomes it; NaN is above infinity, and NaNs
// are equal. 0 is no candidate and comes after all.
// Prepend common/elements, common/functions, common/logits.
#ifdef __OPENCL_C_VERSION__
#if FUNCTION_LANES == 1
#define ANY(mask) (mask)
#else
#define ANY(mask) any(mask)
#endif
#endif

// The key of a value: unsigned numbers in the order of the values.
INLINE uints order_key(floats x) {
  const uints bits = as_uints(x + 0.0f), key = (bits & SIGN) != 0 ? ~bits : bits | SIGN;
  return x == x ? key : (uints)(0xffffffffu);
}

INLINE ulong candidate_of(uint key, long column) { return (ulong)key << 32 | (uint)~(uint)column; }
INLINE int column_of(ulong candidate) { return candidate ? (int)~(uint)candidate : -1; } // -1 of none

// Puts a candidate that comes before the last of a sorted list of k where it belongs.
INLINE void insert(ulong candidate, int k, ulong *list) {
  int i = k - 1;
  for (; i > 0 && list[i - 1] < candidate; i--) list[i] = list[i - 1];
  list[i] = candidate;
}

// Columns [first, end) of a row to the list; column j of the row is column `column` + j of the whole.
INLINE void top_k_of_row(GLOBAL const float *x, long first, long end, long column, float scale, float cap, int k,
                         ulong *list) {
  for (long j = first; j < end; j += FUNCTION_LANES) {
    union {
      uints vector;
      uint element[FUNCTION_LANES];
    } key;
    key.vector = order_key(capped(load_floats(x + j, end - j), scale, cap));
    if (!ANY(key.vector > (uint)(list[k - 1] >> 32))) continue; // a later column loses to an equal one
    for (int t = 0; t < FUNCTION_LANES && t < end - j; t++)
      if (key.element[t] > (uint)(list[k - 1] >> 32))
        insert(candidate_of(key.element[t], column + j + t), k, list);
  }
}

// Candidates [first, end) to the list.
INLINE void top_k_of_candidates(GLOBAL const ulong *candidates, long first, long end, int k, ulong *list) {
  for (long j = first; j < end; j++)
    if (candidates[j] > list[k - 1]) insert(candidates[j], k, list);
}
