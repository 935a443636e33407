// SPDX-License-Identifier: Apache-2.0
// attention/panels: softmax(scale * Q . K^T) . V on CPU devices, in one order (common/attention has the definition and
// the layout of K and V).
// Q     queries x kv_heads * group * key_size    q[q_offset + i * ldq + head * key_size + p], f32
// OUT   queries x kv_heads * group * value_size  out[out_offset + i * ldo + head * value_size + c], f32
// logs  queries x heads  logs[logs_offset + i * ld_logs + head], where has_logs; slopes and sinks  one of each head
// `tasks` are those of tasks_of_heads / kv_heads records, each for every KV head: the last record first. A task with a slot
// leaves its sums as nodes there (attention/join), one without its results.
// One work-item is one work-group; each takes tasks from `counter`, which is 0 before and after, until none is left. Global
// size: compute units. work  of each work-group work_floats, common/attention_tiles.
// Edges: any sizes and numbers; a query that sees no key becomes zeros. ROWS, NR, VECTOR: common/tiles.
// Prepend common/elements, common/vectors, common/functions, common/tiles,
// Prepend common/attention, common/attention_kv, common/attention_tiles.
// check: -DROWS=14 -DKV_TYPE=Q8_0
// check: -DVECTOR=8 -DNR=16 -DROWS=6 -DKV_TYPE=F16
// check: -DVECTOR=4 -DNR=8 -DROWS=4 -DKV_TYPE=BF16
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void attention_panels(int kv_heads, int group, int key_size, int value_size, int block_length, int causal, int window,
                      float scale, float softcap, __global const float *restrict q, long q_offset, long ldq,
                      __global const KV_STORAGE *restrict k, __global const KV_STORAGE *restrict v,
                      __global const int *restrict records, int sequences_at, int table_at, int tasks_at,
                      int tasks_of_heads, int has_slopes,
                      __global const float *restrict slopes, long slopes_offset, int has_sinks,
                      __global const float *restrict sinks, long sinks_offset,
                      __global float *out, long out_offset, long ldo, int has_logs, __global float *logs,
                      long logs_offset, long ld_logs, __global float *nodes, long slot_floats, __global int *counter,
                      __global float *work, long work_floats) {
  const attention_call call = {
      .kv_heads = kv_heads, .group = group, .key_size = key_size, .value_size = value_size, .block_length = block_length,
      .window = window, .causal = causal, .scale = scale, .softcap = softcap, .q = q + q_offset, .ldq = ldq, .k = k, .v = v,
      .sequences = records + sequences_at, .table = records + table_at, .slopes = slopes + slopes_offset, .has_slopes = has_slopes,
      .sinks = sinks + sinks_offset, .has_sinks = has_sinks, .out = out + out_offset, .ldo = ldo, .logs = logs + logs_offset,
      .ld_logs = ld_logs, .has_logs = has_logs, .nodes = nodes, .slot_floats = slot_floats};
  work += get_group_id(0) * work_floats;
  for (;;) {
    const int number = atomic_inc(counter);
    if (number >= tasks_of_heads) {
      // The last work-group to find nothing left.
      if (number == tasks_of_heads + (int)get_num_groups(0) - 1) atomic_xchg(counter, 0);
      return;
    }
    const int task = (tasks_of_heads - 1 - number) / kv_heads;
    TASK(attend_)(call, records + tasks_at + task * TASK_WORDS, number % kv_heads, work);
  }
}
