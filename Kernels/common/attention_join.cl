// SPDX-License-Identifier: Apache-2.0
// common/attention_join: what joins the nodes that the tasks of a query left (common/attention). OpenCL C and C, where
// LANE_0 is the first lane of a vector.
// Slot number s of a query has the chunks s * 2^r .. of its sequence, 2^r of them, for one r; a record of `queries` counts
// its slots from the number of the first on.
// Prepend common/elements, common/functions, common/attention.
#ifdef __OPENCL_C_VERSION__
#define LANE_0(x) (x)
#if FUNCTION_LANES != 1
#error "common/attention_join: FUNCTION_LANES must be 1"
#endif
#endif

// Columns lane, lane + lanes .. of one head of one query. Slots on the left become the joins of what they meet.
INLINE void join_slots(attention_call call, INPUT int *query, int head, int lane, int lanes) {
  const int heads = call.kv_heads * call.group, size = call.value_size;
  const int count = query[3], begin = query[4];
  WORK float *first_node = call.nodes + (long)query[2] * call.slot_floats + ((long)query[1] * heads + head) * (size + 2);
  WORK float *node = first_node, *waiting[MOST_LEVELS];
  floats m = EACH(-INFINITY), l = EACH(0.0f), waiting_m[MOST_LEVELS], waiting_l[MOST_LEVELS];
  for (int s = 0; s < count; s++) {
    node = first_node + s * call.slot_floats;
    m = EACH(node[size]);
    l = EACH(node[size + 1]);
    const int number = begin + s;
    int level = 0;
    for (; s == count - 1 ? number >> level > 0 : number >> level & 1; level++) {
      if (!has_left(number, level, begin)) continue;
      const join_factors by = join_sums(waiting_m[level], waiting_l[level], &m, &l);
      for (int c = lane; c < size; c += lanes)
        waiting[level][c] = LANE_0(join_values(EACH(waiting[level][c]), EACH(node[c]), by.left, by.right));
      node = waiting[level];
    }
    waiting[level] = node;
    waiting_m[level] = m;
    waiting_l[level] = l;
  }
  const join_factors by = finish_sums(call.has_sinks, EACH(call.has_sinks ? call.sinks[head] : 0), &m, &l);
  WORK float *out = call.out + (long)query[0] * call.ldo + head * size;
  for (int c = lane; c < size; c += lanes) out[c] = LANE_0(EACH(node[c]) * by.left * by.right);
  if (lane == 0 && call.has_logs) call.logs[query[0] * call.ld_logs + head] = LANE_0(m + portable_log(l));
}
