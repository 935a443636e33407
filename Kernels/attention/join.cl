// SPDX-License-Identifier: Apache-2.0
// attention/join: joins the sums that several tasks left for a query (common/attention, common/attention_join).
// nodes    slot_floats of each slot: [query of the task][head][value_size + 2], o, m and l; left changed
// queries  QUERY_WORDS of each query
// OUT, logs, sinks  as in attention/panels
// Work-group (lanes, 1, 1) makes one head of one query; any number of lanes. Global size (lanes, heads, queries).
// Prepend common/elements, common/functions, common/attention, common/attention_join.
__kernel void attention_join(int heads, int value_size, __global const int *restrict queries, int has_sinks,
                             __global const float *restrict sinks, __global float *out, long out_offset, long ldo,
                             int has_logs, __global float *logs, long logs_offset, long ld_logs, __global float *nodes,
                             long slot_floats) {
  attention_call call;
  call.kv_heads = heads;
  call.group = 1;
  call.value_size = value_size;
  call.has_sinks = has_sinks;
  call.sinks = sinks;
  call.out = out + out_offset;
  call.ldo = ldo;
  call.has_logs = has_logs;
  call.logs = logs + logs_offset;
  call.ld_logs = ld_logs;
  call.nodes = nodes;
  call.slot_floats = slot_floats;
  join_slots(call, queries + get_global_id(2) * QUERY_WORDS, get_global_id(1), get_local_id(0), get_local_size(0));
}
