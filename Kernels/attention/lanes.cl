// SPDX-License-Identifier: Apache-2.0
// attention/lanes: softmax(scale * Q . K^T) . V on GPUs, in one order. Arguments and tasks are those of
// attention/panels; common/attention has the definition and the layout of K and V.
// A work-group of LANES items takes a task's rows (a query and a head of the KV head's group) ROWS at a time; an item
// has two keys of a chunk, then two columns of V at a time. Global size LANES * groups, any number of them.
// Local memory: ROWS * (key_size + CHUNK_KEYS + 32 + 2 * MOST_LEVELS + 4) floats, the first ROWS * key_size as an
// argument.
// work  of each work-group work_floats: (levels + 1) * ROWS * (2 + panels * PANEL), the subtrees that wait.
// Edges: any sizes and numbers; a query that sees no key becomes zeros.
// Prepend common/elements, common/functions, common/attention_call, common/attention, common/attention_kv.
// check: -DROWS=16 -DKV_TYPE=F16
// check: -DROWS=1 -DKV_TYPE=BF16
// check: -DROWS=8 -DKV_TYPE=Q8_0
// gpu: -DKV_TYPE=*
// gpu: -DROWS=16 -DKV_TYPE=*
#ifndef ROWS
#define ROWS 4 // rows of a tile: 1, 2, 4, 8, 16
#endif
#define LANES 64
#define KEYS (CHUNK_KEYS / LANES) // of an item
#define COLUMNS 2            // of an item at a time
#define CHAINS 16            // of the sum of weights, a lane each
#define IN_BLOCKS (KV_CODE == KV_Q8_0)
#define UNROLL _Pragma("unroll")
#define EACH_ROW(statement) UNROLL for (int i = 0; i < ROWS; i++) { statement; }

// What a work-group has of a task: one KV head.
typedef struct {
  __global const KV_STORAGE *k, *v; // of block 0
  long k_block, v_block;            // from block to block
  __global const int *table;
  int kv_head, first_row, queries, keys, first_key, first_query, begin, end, slot, rows, panels;
} lanes_task;

// What the items share.
typedef struct {
  float scores[CHUNK_KEYS][ROWS];
  float chains[CHAINS][ROWS];
  float left[MOST_LEVELS][ROWS], right[MOST_LEVELS][ROWS]; // factors of the joins
  float m[ROWS], l[ROWS], first[ROWS], second[ROWS];
} shared_memory;

INLINE lanes_task open_task(const attention_call *call, __global const int *record, int kv_head) {
  __global const int *sequence = call->sequences + record[0] * SEQUENCE_WORDS;
  lanes_task t;
  t.kv_head = kv_head;
  t.first_row = sequence[0];
  t.queries = sequence[1];
  t.keys = sequence[2];
  t.table = call->table + sequence[3];
  t.first_key = sequence[4];
  t.first_query = record[1];
  t.rows = record[2] * call->group;
  t.begin = record[3];
  t.end = record[4];
  t.slot = record[5];
  t.panels = (call->value_size + PANEL - 1) / PANEL;
  const long k_head = (long)call->block_length * call->key_size, v_head = (long)call->block_length * PANEL * t.panels;
  const long k_size = IN_BLOCKS ? k_head / PANEL * (PANEL + 2) : k_head;
  const long v_size = IN_BLOCKS ? v_head / PANEL * (PANEL + 2) : v_head;
  t.k_block = k_size * call->kv_heads;
  t.v_block = v_size * call->kv_heads;
  t.k = (__global const KV_STORAGE *)call->k + k_size * kv_head;
  t.v = (__global const KV_STORAGE *)call->v + v_size * kv_head;
  return t;
}

// A query of the task, of row `row`; spare rows repeat the last one.
INLINE int query_of(const attention_call *call, const lanes_task *t, int row) {
  return t->first_query + min(row, t->rows - 1) / call->group;
}
INLINE int head_of(const attention_call *call, const lanes_task *t, int row) {
  return t->kv_head * call->group + min(row, t->rows - 1) % call->group;
}

// The tile's queries: [p][row].
INLINE void copy_queries(const attention_call *call, const lanes_task *t, int row0, __local float *queries) {
  for (int at = get_local_id(0); at < ROWS * call->key_size; at += LANES) {
    const int row = row0 + at / call->key_size, p = at % call->key_size;
    queries[p * ROWS + at / call->key_size] =
        call->q[(t->first_row + query_of(call, t, row)) * call->ldq + head_of(call, t, row) * call->key_size + p];
  }
}

// s += q . k for one key, from number p0 of `count` on; k advances by PANEL a number.
INLINE void multiply_key(__local const float *queries, __global const KV_STORAGE *k, int count, float s[ROWS]) {
  for (int p = 0; p < count; p++, queries += ROWS) {
    const float number = KV_FLOATS(k + p * PANEL);
    EACH_ROW(s[i] = fma(queries[i], number, s[i]))
  }
}

// The scores of key j of a chunk.
INLINE void score_key(const attention_call *call, const lanes_task *t, __local const float *queries, int key,
                      float s[ROWS]) {
  const int length = call->block_length, size = call->key_size, inside = key % length;
  __global const KV_STORAGE *k = t->k + t->table[key / length] * t->k_block;
  EACH_ROW(s[i] = 0)
#if IN_BLOCKS
  k += (long)(inside / PANEL) * size * (PANEL + 2);
  for (int p = 0; p < size; p += PANEL, k += PANEL * (PANEL + 2)) {
    float part[ROWS];
    EACH_ROW(part[i] = 0)
    multiply_key(queries + p * ROWS, k + 2 * PANEL + inside % PANEL, PANEL, part);
    const float by = KV_SCALES(k + 2 * (inside % PANEL));
    EACH_ROW(s[i] = fma(by, part[i], s[i]))
  }
#else
  multiply_key(queries, k + (long)(inside / PANEL) * size * PANEL + inside % PANEL, size, s);
#endif
}

// What row `row` makes of its product with key j of a chunk: scale, soft-cap and slope; -inf where it does not see the
// key.
INLINE float shaped(const attention_call *call, const lanes_task *t, int row, int chunk, int j, float s) {
  const int query = query_of(call, t, row), key = chunk * CHUNK_KEYS + j;
  s *= call->scale;
  if (call->softcap != 0) s = call->softcap * portable_tanh(s * quotient(1, call->softcap));
  if (call->has_slopes) {
    const float distance = chunk * CHUNK_KEYS - (query + t->keys - t->queries);
    s = fma(call->slopes[head_of(call, t, row)], j + distance, s);
  }
  return key < seen_begin(query, t->queries, t->keys, call->window) ||
                 key >= seen_end(query, t->queries, t->keys, call->causal)
             ? -INFINITY
             : s;
}

// Scores of a chunk become weights; m and l of each row.
INLINE void weigh(__local shared_memory *shared) {
  for (int row0 = 0; row0 < ROWS; row0 += LANES / CHAINS) {
    const int row = row0 + get_local_id(0) / CHAINS, chain = get_local_id(0) % CHAINS;
    float m = -INFINITY;
    for (int j = chain; row < ROWS && j < CHUNK_KEYS; j += CHAINS)
      m = shared->scores[j][row] > m ? shared->scores[j][row] : m;
    if (row < ROWS) shared->chains[chain][row] = m;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int other = 0; row < ROWS && other < CHAINS; other++)
      m = shared->chains[other][row] > m ? shared->chains[other][row] : m;
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = 0;
    for (int j = chain; row < ROWS && j < CHUNK_KEYS; j += CHAINS) {
      const float e = portable_decay(shared->scores[j][row] - (m == -INFINITY ? 0 : m));
      shared->scores[j][row] = e;
      sum += e;
    }
    if (row < ROWS) shared->chains[chain][row] = sum;
    if (row < ROWS && chain == 0) shared->m[row] = m;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int size = CHAINS / 2; size > 0; size /= 2) {
      if (row < ROWS && chain < size) shared->chains[chain][row] += shared->chains[chain + size][row];
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (row < ROWS && chain == 0) shared->l[row] = shared->chains[0][row];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

// The subtree that waits at `level`: m and l of ROWS, then o [column][row].
INLINE __global float *waiting(const lanes_task *t, __global float *work, int level) {
  return work + (long)level * ROWS * (2 + t->panels * PANEL);
}

// The sums of column `column` of V over the keys [from, to) of a chunk. `careful`: keys without weight are left out,
// not multiplied by zero.
INLINE void multiply_column(const attention_call *call, const lanes_task *t, __local const shared_memory *shared,
                            int chunk, int from, int to, int column, bool careful, float o[ROWS]) {
  const int length = call->block_length;
  EACH_ROW(o[i] = 0)
  for (int j = from; j < to;) {
    const int key = chunk * CHUNK_KEYS - t->first_key + j, inside = key % length, stop = min(to, j + length - inside);
    __global const KV_STORAGE *v = t->v + t->table[key / length] * t->v_block;
#if IN_BLOCKS
    v += (long)(column / PANEL) * length * (PANEL + 2);
    __global const KV_STORAGE *scales = v + 2 * inside;
    v += 2 * length;
#else
    v += (long)(column / PANEL) * length * PANEL;
#endif
    v += (long)inside * PANEL + column % PANEL;
    for (; j < stop; j++, v += PANEL) {
      const float value = KV_FLOATS(v);
#if IN_BLOCKS
      const float by = KV_SCALES(scales);
      scales += 2;
#define WEIGHT(i) (shared->scores[j][i] == 0 ? 0 : shared->scores[j][i] * by)
#else
#define WEIGHT(i) shared->scores[j][i]
#endif
      if (careful) {
        EACH_ROW(o[i] = WEIGHT(i) == 0 ? o[i] : fma(WEIGHT(i), value, o[i]))
      } else {
        EACH_ROW(o[i] = fma(WEIGHT(i), value, o[i]))
      }
    }
  }
}

// Where row `row` of the task belongs in the result, or in a slot of nodes.
INLINE __global float *target(const attention_call *call, const lanes_task *t, int row) {
  const int query = row / call->group, head = head_of(call, t, row), heads = call->kv_heads * call->group;
  if (t->slot >= 0)
    return call->nodes + t->slot * call->slot_floats + ((long)query * heads + head) * (call->value_size + 2);
  return call->out + (t->first_row + t->first_query + query) * call->ldo + head * call->value_size;
}

// Joins m and l of a chunk with what waits; the factors stay in local memory. `first` is the first chunk that the tile
// sees; where `is_last`, all that waits joins. Returns where the result waits.
INLINE int join_chunk(const lanes_task *t, int chunk, int first, bool is_last, __global float *work,
                      __local shared_memory *shared) {
  const int row = get_local_id(0);
  int level = 0, n = 0;
  for (; is_last ? chunk >> level > 0 : chunk >> level & 1; level++) {
    if (!has_left(chunk, level, first)) continue;
    if (row < ROWS) {
      float m = shared->m[row], l = shared->l[row];
      __global const float *other = waiting(t, work, level);
      join_factors by;
      join_sums(other[row], other[ROWS + row], &m, &l, &by);
      shared->left[n][row] = by.left;
      shared->right[n][row] = by.right;
      shared->m[row] = m;
      shared->l[row] = l;
    }
    n++;
  }
  return level;
}

// What a tile's sums are multiplied by before they are stored; stores m and l, or the log-sum-exp.
INLINE void finish_tile(const attention_call *call, const lanes_task *t, int row0, __local shared_memory *shared) {
  const int i = get_local_id(0), row = row0 + i;
  if (i >= ROWS || row >= t->rows) return;
  float m = shared->m[i], l = shared->l[i];
  if (t->slot >= 0) {
    __global float *to = target(call, t, row) + call->value_size;
    to[0] = m;
    to[1] = l;
    return;
  }
  const int head = head_of(call, t, row);
  join_factors by;
  finish_sums(call->has_sinks, call->has_sinks ? call->sinks[head] : 0, &m, &l, &by);
  shared->first[i] = by.left;
  shared->second[i] = by.right;
  if (call->has_logs)
    call->logs[(t->first_row + query_of(call, t, row)) * call->ld_logs + head] = m + portable_log(l);
}

// Stores a column of a tile: where it waits, as part of a node, or as a result.
INLINE void store_column(const attention_call *call, const lanes_task *t, int row0, int column, bool is_last,
                         __global float *to_wait, __local const shared_memory *shared, const float o[ROWS]) {
  if (!is_last) {
    EACH_ROW(to_wait[2 * ROWS + column * ROWS + i] = o[i])
  } else if (column < call->value_size) {
    EACH_ROW(if (row0 + i < t->rows) target(call, t, row0 + i)[column] =
                 t->slot >= 0 ? o[i] : o[i] * shared->first[i] * shared->second[i])
  }
}

// The sums of a chunk over V, joined with what waits, and stored.
INLINE void sum_values(const attention_call *call, const lanes_task *t, int row0, int chunk, int first, int from,
                       int to, bool is_last, int level, __global float *work, __local const shared_memory *shared) {
  for (int column = get_local_id(0); column < t->panels * PANEL; column += LANES) {
    float o[ROWS], check = 0;
    multiply_column(call, t, shared, chunk, from, to, column, false, o);
    EACH_ROW(check = fma(o[i], 0.0f, check))
    if (check != 0) multiply_column(call, t, shared, chunk, from, to, column, true, o);
    EACH_ROW(o[i] += 0.0f)
    for (int at = 0, n = 0; is_last ? chunk >> at > 0 : at < level; at++) {
      if (!has_left(chunk, at, first)) continue;
      __global const float *other = waiting(t, work, at) + 2 * ROWS + column * ROWS;
      EACH_ROW(o[i] = join_values(other[i], o[i], shared->left[n][i], shared->right[n][i]))
      n++;
    }
    store_column(call, t, row0, column, is_last, waiting(t, work, level), shared, o);
  }
}

// ROWS rows of a task, from `row0` on, against all their chunks.
INLINE void attend_tile(const attention_call *call, const lanes_task *t, int row0, __local float *queries,
                        __local shared_memory *shared, __global float *work) {
  const int lane = get_local_id(0);
  const int first_query = query_of(call, t, row0), last_query = query_of(call, t, row0 + ROWS - 1);
  const int begin = seen_begin(first_query, t->queries, t->keys, call->window);
  const int end = seen_end(last_query, t->queries, t->keys, call->causal);
  const int first = max(t->begin, begin / CHUNK_KEYS), last = min(t->end, (end + CHUNK_KEYS - 1) / CHUNK_KEYS) - 1;
  barrier(CLK_LOCAL_MEM_FENCE); // the tile before has been read
  copy_queries(call, t, row0, queries);
  if (lane < ROWS) {
    shared->m[lane] = -INFINITY;
    shared->l[lane] = 0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int chunk = first; chunk <= last; chunk++) {
    const int from = max(0, begin - chunk * CHUNK_KEYS), to = min(CHUNK_KEYS, end - chunk * CHUNK_KEYS);
    for (int j = lane; j < CHUNK_KEYS; j += LANES) {
      float s[ROWS];
      EACH_ROW(s[i] = -INFINITY)
      if (j >= from && j < to) {
        score_key(call, t, queries, chunk * CHUNK_KEYS - t->first_key + j, s);
        EACH_ROW(s[i] = shaped(call, t, row0 + i, chunk, j, s[i]))
      }
      EACH_ROW(shared->scores[j][i] = s[i])
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    weigh(shared);
    const int level = join_chunk(t, chunk, first, chunk == last, work, shared);
    if (chunk == last) {
      finish_tile(call, t, row0, shared);
    } else if (lane < ROWS) {
      waiting(t, work, level)[lane] = shared->m[lane];
      waiting(t, work, level)[ROWS + lane] = shared->l[lane];
    }
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    sum_values(call, t, row0, chunk, first, from, to, chunk == last, level, work, shared);
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE); // scores and factors have been read
  }
  if (first > last) {
    finish_tile(call, t, row0, shared);
    barrier(CLK_LOCAL_MEM_FENCE);
    float o[ROWS];
    EACH_ROW(o[i] = 0)
    for (int column = lane; column < t->panels * PANEL; column += LANES)
      store_column(call, t, row0, column, true, work, shared, o);
  }
}

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1)))
void attention_lanes(ATTENTION_ARGUMENTS, __local float *queries) {
  const attention_call call = ATTENTION_CALL;
  __local shared_memory shared;
  __local int taken;
  work += get_group_id(0) * work_floats;
  for (;;) {
    barrier(CLK_LOCAL_MEM_FENCE); // `taken` has been read
    if (get_local_id(0) == 0) taken = atomic_inc(counter);
    barrier(CLK_LOCAL_MEM_FENCE);
    const int number = taken;
    if (number >= tasks_of_heads) {
      // The last work-group to find nothing left.
      if (get_local_id(0) == 0 && number == tasks_of_heads + (int)get_num_groups(0) - 1) atomic_xchg(counter, 0);
      return;
    }
    const int task = (tasks_of_heads - 1 - number) / kv_heads;
    const lanes_task t = open_task(&call, records + tasks_at + task * TASK_WORDS, number % kv_heads);
    for (int row0 = 0; row0 < t.rows; row0 += ROWS) attend_tile(&call, &t, row0, queries, &shared, work);
  }
}
