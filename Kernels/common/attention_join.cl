// SPDX-License-Identifier: Apache-2.0
// common/attention_join: joins the nodes that the tasks of a query left (common/attention). OpenCL C and C.
// A query's list has its nodes in ascending order; after each come some joins, of the last two that are there.
// Prepend common/elements, common/functions, common/attention_call, common/attention.
#ifdef __OPENCL_C_VERSION__
#if FUNCTION_LANES != 1
#error "common/attention_join: FUNCTION_LANES must be 1"
#endif
#endif
#define MOST_NODES (2 * MOST_LEVELS) // at a time: complete subtrees of a run of chunks

// A node is complete: what it has to become is stored, zeros where there is none; columns lane, lane + lanes ...
INLINE void store_attention_node(attention_call call, WORK const float *node, floats m, floats l, int row, int head,
                                 int number, int lane, int lanes) {
  const int size = call.value_size;
  if (call.as_nodes) {
    WORK float *out = call.out + number * call.out_node_floats + row * call.ldo + (long)head * (size + 2);
    for (int c = lane; c < size; c += lanes) out[c] = node[c];
    if (lane > 0) return;
    out[size] = LANE_0(m);
    out[size + 1] = LANE_0(l);
  } else {
    const float sink = call.has_sinks ? call.sinks[call.first_head + head] : 0;
    join_factors by;
    finish_sums(call.has_sinks, EACH(sink), &m, &l, &by);
    WORK float *out = call.out + row * call.ldo + (long)head * size;
    for (int c = lane; c < size; c += lanes) out[c] = node ? LANE_0(EACH(node[c]) * by.left * by.right) : 0;
    if (lane == 0 && call.has_logs) call.logs[row * call.ld_logs + head] = LANE_0(m + portable_log(l));
  }
}

// One head of one query. Nodes on the left become the joins of what they meet.
INLINE void join_attention(attention_call call, INPUT int *query, int head, int lane, int lanes) {
  const int size = call.value_size;
  WORK float *node[MOST_NODES];
  floats m[MOST_NODES], l[MOST_NODES];
  int height = 0;
  INPUT int *list = call.lists + query[3];
  for (int s = 0; s < query[2]; s++, list += NODE_WORDS) {
    const long place = (long)query[1] * call.node_heads + call.first_head + head;
    WORK float *next = call.nodes + list[0] * call.slot_floats + place * (size + 2);
    node[height] = next;
    m[height] = EACH(next[size]);
    l[height] = EACH(next[size + 1]);
    height++;
    for (int joins = list[1]; joins > 0; joins--) {
      height--;
      WORK float *left = node[height - 1], *right = node[height];
      floats joined_m = m[height], joined_l = l[height];
      join_factors by;
      join_sums(m[height - 1], l[height - 1], &joined_m, &joined_l, &by);
      m[height - 1] = joined_m;
      l[height - 1] = joined_l;
      for (int c = lane; c < size; c += lanes)
        left[c] = LANE_0(join_values(EACH(left[c]), EACH(right[c]), by.left, by.right));
    }
  }
  // Who sees no key has no node.
  if (height == 0 && !call.as_nodes)
    store_attention_node(call, NULL, EACH(-INFINITY), EACH(0.0f), query[0], head, 0, lane, lanes);
  for (int i = 0; i < height; i++) store_attention_node(call, node[i], m[i], l[i], query[0], head, i, lane, lanes);
}
