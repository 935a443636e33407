// SPDX-License-Identifier: Apache-2.0
// common/attention_call: an attention (common/attention) as kernels get it, in OpenCL C.
#define INPUT __global const // what is read
#define WORK __global        // what is written, and read again

typedef struct {
  int kv_heads, group, key_size, value_size, block_length;
  int window; // 0 for none
  int causal;
  float scale, softcap; // softcap 0 for none
  INPUT float *q;
  long ldq;
  INPUT void *k, *v;
  INPUT int *sequences, *table;
  INPUT float *slopes, *sinks; // of each query head; not read unless there are any
  int has_slopes, has_sinks;
  WORK float *out;
  long ldo;
  WORK float *logs; // of each query and head
  long ld_logs;
  int has_logs;
  WORK float *nodes; // [slot][query of the task][head][value_size + 2]: o, m, l
  long slot_floats;
  INPUT int *lists;       // attention/join: the nodes of each query
  int node_heads, first_head; // heads of a row of nodes, and the first that is wanted
  int as_nodes; // attention/join: whether `out` gets nodes, out_node_floats apart, each a row [head][value_size + 2]
  long out_node_floats;
} attention_call;

// The arguments of the kernels that do tasks; KV_STORAGE is common/attention_kv's.
#define ATTENTION_ARGUMENTS                                                                                            \
  int kv_heads, int group, int key_size, int value_size, int block_length, int causal, int window, float scale,        \
      float softcap, __global const float *restrict q, long q_offset, long ldq, __global const KV_STORAGE *restrict k, \
      __global const KV_STORAGE *restrict v, __global const int *restrict records, int sequences_at, int table_at,     \
      int tasks_at, int tasks_of_heads, int has_slopes, __global const float *restrict slopes, long slopes_offset,     \
      int has_sinks, __global const float *restrict sinks, long sinks_offset, __global float *out, long out_offset,    \
      long ldo, int has_logs, __global float *logs, long logs_offset, long ld_logs, __global float *nodes,             \
      long slot_floats, __global int *counter, __global float *work, long work_floats
#define ATTENTION_CALL                                                                                                 \
  {                                                                                                                    \
    .kv_heads = kv_heads, .group = group, .key_size = key_size, .value_size = value_size,                              \
    .block_length = block_length, .window = window, .causal = causal, .scale = scale, .softcap = softcap,              \
    .q = q + q_offset, .ldq = ldq, .k = k, .v = v, .sequences = records + sequences_at, .table = records + table_at,   \
    .slopes = slopes + slopes_offset, .has_slopes = has_slopes, .sinks = sinks + sinks_offset, .has_sinks = has_sinks, \
    .out = out + out_offset, .ldo = ldo, .logs = logs + logs_offset, .ld_logs = ld_logs, .has_logs = has_logs,         \
    .nodes = nodes, .slot_floats = slot_floats                                                                         \
  }
