// SPDX-License-Identifier: Apache-2.0
// attention/panels: softmax(scale * Q . K^T) . V on CPU devices, in one order (common/attention has the definition and
// the layout of K and V).
// Q     queries x kv_heads * group * key_size    q[q_offset + i * ldq + head * key_size + p], f32
// OUT   queries x kv_heads * group * value_size  out[out_offset + i * ldo + head * value_size + c], f32
// logs  queries x heads  logs[logs_offset + i * ld_logs + head], where has_logs; slopes and sinks  one of each head
// `tasks` are those of tasks_of_heads / kv_heads records, each for every KV head: the last record first. A task with a
// slot leaves its sums as nodes there (attention/join), one without its results.
// One work-item is one work-group; each takes tasks from `counter`, which is 0 before and after, until none is left.
// Global size: compute units. work  of each work-group work_floats, common/attention_tiles.
// Edges: any sizes and numbers; a query that sees no key becomes zeros. ROWS, NR, VECTOR: common/tiles.
// Prepend common/elements, common/vectors, common/functions, common/tiles,
// Prepend common/attention_call, common/attention, common/attention_kv, common/attention_tiles.
// check: -DROWS=14 -DKV_TYPE=Q8_0
// check: -DVECTOR=8 -DNR=16 -DROWS=6 -DKV_TYPE=F16
// check: -DVECTOR=4 -DNR=8 -DROWS=4 -DKV_TYPE=BF16
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void attention_panels(ATTENTION_ARGUMENTS) {
  const attention_call call = ATTENTION_CALL;
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
