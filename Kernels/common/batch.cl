// SPDX-License-Identifier: Apache-2.0
// common/batch: one launch for several products. Launch dimension 2 counts them; batch holds the elements (of blocks:
// bytes) from one product's operand to the next one's, s0 of A (0: all read the same), s1 of B, s2 of C; the first B
// begins at s3.
#define NEXT_OF_BATCH(a, b, c)                                                                                         \
  a += get_global_id(2) * batch.s0;                                                                                    \
  b += get_global_id(2) * batch.s1 + batch.s3;                                                                         \
  c += get_global_id(2) * batch.s2;
// The sums of A's `groups` groups (gemm/group_sums) lie as close as they can.
#define NEXT_SUMS(sums, groups)                                                                                        \
  if (batch.s0) sums += get_global_id(2) * (m * (long)(groups));

// The number of this work-group among all.
INLINE long group_of_batch(void) {
  return ((long)get_group_id(2) * get_num_groups(1) + get_group_id(1)) * get_num_groups(0) + get_group_id(0);
}
