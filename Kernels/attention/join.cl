// SPDX-License-Identifier: Apache-2.0
// attention/join: joins the sums that several tasks, or ranks, have of a query (common/attention,
// common/attention_join).
// nodes  slot_floats of each slot: [query of the task][head][value_size + 2], o, m and l, node_heads of each query, of
//        which those from first_head on are wanted; left changed
// OUT, logs, sinks  as in attention/panels; where as_nodes, OUT gets what is left as nodes: out_node_floats of each, a
//        row [head][value_size + 2] of a query ldo floats behind that of the one before
// Work-group (lanes, 1, 1) makes one head of one query; any number of lanes. Global size (lanes, heads, queries).
// Prepend common/elements, common/functions, common/attention_call, common/attention, common/attention_join.
// stack: 808, the nodes that wait
// gpu: defaults
__kernel void attention_join(int heads, int node_heads, int first_head, int value_size,
                             __global const int *restrict records, int queries_at, int lists_at, int has_sinks,
                             __global const float *restrict sinks, long sinks_offset, int as_nodes,
                             __global float *out, long out_offset, long ldo, long out_node_floats, int has_logs,
                             __global float *logs, long logs_offset, long ld_logs, __global float *nodes,
                             long slot_floats) {
  attention_call call;
  call.kv_heads = heads;
  call.node_heads = node_heads;
  call.first_head = first_head;
  call.group = 1;
  call.value_size = value_size;
  call.lists = records + lists_at;
  call.has_sinks = has_sinks;
  call.sinks = sinks + sinks_offset;
  call.as_nodes = as_nodes;
  call.out = out + out_offset;
  call.ldo = ldo;
  call.out_node_floats = out_node_floats;
  call.has_logs = has_logs;
  call.logs = logs + logs_offset;
  call.ld_logs = ld_logs;
  call.nodes = nodes;
  call.slot_floats = slot_floats;
  join_attention(call, records + queries_at + get_global_id(2) * QUERY_WORDS, get_global_id(1), get_local_id(0),
             get_local_size(0));
}
