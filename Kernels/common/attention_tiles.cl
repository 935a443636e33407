// SPDX-License-Identifier: Apache-2.0
// common/attention_tiles: a task of common/attention on a CPU core: some queries of a sequence, the query heads of one
// KV head, a run of chunks. OpenCL C and C, which includes this file once for each KV_TYPE and ROWS.
// A *row* is a query and a head of the group: row r of a task is query r / group, head r % group. ROWS of them are a
// tile; its scores against NR keys, and its sums over NR columns of V, are ROWS x NV vectors in registers. All tiles of
// the task use a chunk of K and V before the next.
// Work memory of a task, in floats:
//   scores   [row][STRIDE], one tile's; behind them those times the scales of a panel of V
//   queries  [tile][p][row of the tile]
//   waiting  [level][tile]: the subtree of 2^level chunks that waits for its sibling: m and l, STATISTICS each, then o,
//            [column / NR][row][NR]
#define IN_BLOCKS (KV_CODE == KV_Q8_0)
#if PANEL % NR
#error "common/attention_tiles: NR must divide 32"
#endif
#define STRIDE (CHUNK_KEYS + 16) // of a row of scores: rows a power of two apart would share banks of a cache
#define STATISTICS ((ROWS + VECTOR - 1) / VECTOR * VECTOR)
#define SUM_VECTORS (16 / VECTOR)
#define FETCH_STEPS 32 // steps that K and V are fetched ahead
#define TASK(NAME) JOIN_WORDS(NAME, TASK_SUFFIX)
#define EACH_ELEMENT(statement)                                                                                        \
  UNROLL for (int i = 0; i < ROWS; i++) {                                                                              \
    UNROLL for (int v = 0; v < NV; v++) { statement; }                                                                 \
  }
#define EACH_STATISTIC UNROLL for (int i = 0; i < STATISTICS; i += VECTOR)
#define AT(p) (*(WORK unaligned_floats *)(p))
#define OWN(array, i) (*(floats *)((array) + (i)))
#define OWN_FLOATS(name, count) float name[count] __attribute__((aligned(64)))

typedef struct {
  attention_call call;
  INPUT KV_STORAGE *k, *v; // of the KV head, block 0
  long k_block, v_block;   // from block to block
  INPUT int *table;
  int kv_head, first_row;  // of Q
  int queries, keys, first_key, first_query, count, begin, end, slot;
  int rows, tiles, panels;
  long tile_floats;        // of a tile that waits
  WORK float *scores, *queries_at, *waiting;
} TASK(task_);

// Floats of work memory for tasks of up to `rows` rows that wait at up to `levels` levels.
INLINE long TASK(work_size_)(int rows, int levels, int key_size, int value_size) {
  const long tiles = (rows + ROWS - 1) / ROWS, panels = (value_size + PANEL - 1) / PANEL;
  return 2 * ROWS * STRIDE + tiles * ROWS * key_size + levels * tiles * (2 * STATISTICS + ROWS * PANEL * panels);
}

INLINE void TASK(open_)(TASK(task_) *t, attention_call call, INPUT int *record, int kv_head, WORK float *work) {
  INPUT int *sequence = call.sequences + record[0] * SEQUENCE_WORDS;
  t->call = call;
  t->kv_head = kv_head;
  t->first_row = sequence[0];
  t->queries = sequence[1];
  t->keys = sequence[2];
  t->table = call.table + sequence[3];
  t->first_key = sequence[4];
  t->first_query = record[1];
  t->count = record[2];
  t->begin = record[3];
  t->end = record[4];
  t->slot = record[5];
  t->rows = t->count * call.group;
  t->tiles = (t->rows + ROWS - 1) / ROWS;
  t->panels = (call.value_size + PANEL - 1) / PANEL;
  const long k_head = (long)call.block_length * call.key_size, v_head = (long)call.block_length * PANEL * t->panels;
  t->k_block = IN_BLOCKS ? k_head / PANEL * (PANEL + 2) * call.kv_heads : k_head * call.kv_heads;
  t->v_block = IN_BLOCKS ? v_head / PANEL * (PANEL + 2) * call.kv_heads : v_head * call.kv_heads;
  t->k = (INPUT KV_STORAGE *)call.k + t->k_block / call.kv_heads * kv_head;
  t->v = (INPUT KV_STORAGE *)call.v + t->v_block / call.kv_heads * kv_head;
  t->tile_floats = 2 * STATISTICS + (long)ROWS * PANEL * t->panels;
  t->scores = work;
  t->queries_at = work + 2 * ROWS * STRIDE;
  t->waiting = t->queries_at + (long)t->tiles * ROWS * call.key_size;
}

// Copies the queries; spare rows of the last tile repeat the last one.
INLINE void TASK(copy_queries_)(const TASK(task_) *t) {
  const int size = t->call.key_size, group = t->call.group;
  for (int r = 0; r < t->tiles * ROWS; r++) {
    const int row = min(r, t->rows - 1);
    INPUT float *from = t->call.q + (t->first_row + t->first_query + row / group) * t->call.ldq +
                        (t->kv_head * group + row % group) * size;
    WORK float *to = t->queries_at + (long)(r / ROWS) * ROWS * size + r % ROWS;
    for (int p = 0; p < size; p++) to[p * ROWS] = from[p];
  }
}

// The scores of a tile against NR keys of a panel, from key `column` of the panel on.
INLINE void TASK(multiply_keys_)(WORK const float *q, INPUT KV_STORAGE *k, int column, int size, floats s[ROWS][NV]) {
  EACH_ELEMENT(s[i][v] = 0)
#if IN_BLOCKS
  for (int p0 = 0; p0 < size; p0 += PANEL, k += PANEL * (PANEL + 2)) {
    INPUT KV_STORAGE *bytes = k + 2 * PANEL + column;
    floats part[ROWS][NV];
    EACH_ELEMENT(part[i][v] = 0)
    for (int p = 0; p < PANEL; p++, q += ROWS, bytes += PANEL) {
      FETCH(bytes + FETCH_STEPS * PANEL);
      floats row[NV];
      UNROLL for (int v = 0; v < NV; v++) row[v] = KV_FLOATS(bytes + v * VECTOR);
      EACH_ELEMENT(part[i][v] = FMA(EACH(q[i]), row[v], part[i][v]))
    }
    UNROLL for (int v = 0; v < NV; v++) {
      const floats by = KV_SCALES(k + 2 * (column + v * VECTOR));
      UNROLL for (int i = 0; i < ROWS; i++) s[i][v] = FMA(by, part[i][v], s[i][v]);
    }
  }
#else
  k += column;
  for (int p = 0; p < size; p++, q += ROWS, k += PANEL) {
    UNROLL for (int at = 0; at < NR; at += 64 / sizeof(KV_STORAGE)) FETCH(k + FETCH_STEPS * PANEL + at);
    floats row[NV];
    UNROLL for (int v = 0; v < NV; v++) row[v] = KV_FLOATS(k + v * VECTOR);
    EACH_ELEMENT(s[i][v] = FMA(EACH(q[i]), row[v], s[i][v]))
  }
#endif
}

// The scores of tile `tile` against the keys [from, to) of a chunk, whole panels.
INLINE void TASK(score_)(const TASK(task_) *t, int tile, int chunk, int from, int to) {
  const int size = t->call.key_size;
  const long panel_size = IN_BLOCKS ? size * (PANEL + 2) : size * PANEL;
  for (int j = from; j < to; j += NR) {
    const int key = chunk * CHUNK_KEYS - t->first_key + j;
    INPUT KV_STORAGE *k = t->k + t->table[key / t->call.block_length] * t->k_block +
                          key % t->call.block_length / PANEL * panel_size;
    floats s[ROWS][NV];
    TASK(multiply_keys_)(t->queries_at + (long)tile * ROWS * size, k, j % PANEL, size, s);
    EACH_ELEMENT(AT(t->scores + i * STRIDE + j + v * VECTOR) = s[i][v] * t->call.scale)
  }
}

// Soft-cap, slope and what row `row` of the task sees of the keys [from, to) of a chunk.
INLINE void TASK(shape_scores_)(const TASK(task_) *t, int row, int chunk, int from, int to, WORK float *s) {
  const int query = t->first_query + min(row, t->rows - 1) / t->call.group, start = chunk * CHUNK_KEYS;
  if (t->call.softcap != 0) {
    const floats cap = EACH(t->call.softcap), inverse = quotient(EACH(1.0f), cap);
    for (int j = from; j < to; j += VECTOR) AT(s + j) = cap * portable_tanh(AT(s + j) * inverse);
  }
  if (t->call.has_slopes) {
    OWN_FLOATS(number, VECTOR);
    for (int v = 0; v < VECTOR; v++) number[v] = from + v;
    floats numbers = OWN(number, 0);
    const float slope = t->call.slopes[t->kv_head * t->call.group + row % t->call.group];
    const float distance = start - (query + t->keys - t->queries);
    for (int j = from; j < to; j += VECTOR, numbers += EACH((float)VECTOR))
      AT(s + j) = FMA(EACH(slope), numbers + distance, AT(s + j));
  }
  const int begin = seen_begin(query, t->queries, t->keys, t->call.window) - start;
  const int end = seen_end(query, t->queries, t->keys, t->call.causal) - start;
  for (int j = from; j < to && j < begin; j++) s[j] = -INFINITY;
  for (int j = max(from, end); j < to; j++) s[j] = -INFINITY;
}

// The largest of all lanes.
INLINE float TASK(largest_)(floats x) {
#if VECTOR == 16
  const float8 eight = x.lo > x.hi ? x.lo : x.hi;
#elif VECTOR == 8
  const float8 eight = x;
#endif
#if VECTOR == 4
  const float4 four = x;
#else
  const float4 four = eight.lo > eight.hi ? eight.lo : eight.hi;
#endif
  const float2 two = four.lo > four.hi ? four.lo : four.hi;
  return two.x > two.y ? two.x : two.y;
}

// The sum of 16 chains.
INLINE float TASK(total_)(const floats chain[SUM_VECTORS]) {
#if VECTOR == 4
  const float4 four = (chain[0] + chain[2]) + (chain[1] + chain[3]);
#else
#if VECTOR == 8
  const float8 eight = chain[0] + chain[1];
#else
  const float8 eight = chain[0].lo + chain[0].hi;
#endif
  const float4 four = eight.lo + eight.hi;
#endif
  const float2 two = four.lo + four.hi;
  return two.x + two.y;
}

// Scores of a row become weights e; its m and l.
INLINE void TASK(weigh_)(WORK float *s, int from, int to, float *m, float *l) {
  floats top = EACH(-INFINITY), chain[SUM_VECTORS];
  for (int j = from; j < to; j += VECTOR) top = AT(s + j) > top ? AT(s + j) : top;
  *m = TASK(largest_)(top);
  const floats base = EACH(*m == -INFINITY ? 0.0f : *m);
  UNROLL for (int u = 0; u < SUM_VECTORS; u++) chain[u] = 0;
  for (int j = from; j < to; j += 16)
    UNROLL for (int u = 0; u < SUM_VECTORS; u++) {
      const floats e = portable_decay(AT(s + j + u * VECTOR) - base);
      AT(s + j + u * VECTOR) = e;
      chain[u] += e;
    }
  *l = TASK(total_)(chain);
}

// The sums of NR columns, from column `column` of a panel of V on, over the keys [from, to) of a chunk. `careful`: keys
// without weight are left out, not multiplied by zero.
INLINE void TASK(multiply_values_)(const TASK(task_) *t, WORK const float *e, int chunk, int from, int to, int panel,
                                   int column, bool careful, floats o[ROWS][NV]) {
  const int length = t->call.block_length;
  EACH_ELEMENT(o[i][v] = 0)
  for (int j = from; j < to;) {
    const int key = chunk * CHUNK_KEYS - t->first_key + j, inside = key % length, stop = min(to, j + length - inside);
    INPUT KV_STORAGE *row = t->v + t->table[key / length] * t->v_block;
#if IN_BLOCKS
    row += (long)panel * length * (PANEL + 2) + 2 * length + inside * PANEL + column;
#else
    row += ((long)panel * length + inside) * PANEL + column;
#endif
    for (; j < stop; j++, row += PANEL) {
      UNROLL for (int at = 0; at < NR; at += 64 / sizeof(KV_STORAGE)) FETCH(row + FETCH_STEPS * PANEL + at);
      floats value[NV];
      UNROLL for (int v = 0; v < NV; v++) value[v] = KV_FLOATS(row + v * VECTOR);
      if (careful) {
        EACH_ELEMENT(o[i][v] = e[i * STRIDE + j] == 0 ? o[i][v] : FMA(EACH(e[i * STRIDE + j]), value[v], o[i][v]))
      } else {
        EACH_ELEMENT(o[i][v] = FMA(EACH(e[i * STRIDE + j]), value[v], o[i][v]))
      }
    }
  }
}

#if IN_BLOCKS
// The weights of the keys [from, to) of a chunk times the scales of a panel of V.
INLINE void TASK(scale_weights_)(const TASK(task_) *t, int chunk, int from, int to, int panel, WORK float *scaled) {
  const int length = t->call.block_length;
  for (int j = from; j < to; j += VECTOR) {
    const int key = chunk * CHUNK_KEYS - t->first_key + j;
    const floats by = KV_SCALES(t->v + t->table[key / length] * t->v_block + (long)panel * length * (PANEL + 2) +
                                2 * (key % length));
    for (int i = 0; i < ROWS; i++) {
      const floats e = AT(t->scores + i * STRIDE + j);
      AT(scaled + i * STRIDE + j) = e == EACH(0.0f) ? e : e * by;
    }
  }
}
#endif

// The subtrees that a tile's chunk joins, from the right to the left, and what with.
typedef struct {
  int count, level; // where the result waits
  int levels[MOST_LEVELS];
  OWN_FLOATS(left[MOST_LEVELS], STATISTICS);
  OWN_FLOATS(right[MOST_LEVELS], STATISTICS);
} TASK(joins_);

INLINE WORK float *TASK(waiting_)(const TASK(task_) *t, int level, int tile) {
  return t->waiting + ((long)level * t->tiles + tile) * t->tile_floats;
}

// `first` is the first chunk that the tile sees, `isLast` whether `chunk` is the last: it joins all that waits.
INLINE void TASK(join_)(const TASK(task_) *t, int tile, int chunk, int first, bool is_last, TASK(joins_) *joins,
                        float *m, float *l) {
  joins->count = 0;
  joins->level = 0;
  for (; is_last ? chunk >> joins->level > 0 : chunk >> joins->level & 1; joins->level++) {
    if (!has_left(chunk, joins->level, first)) continue;
    WORK float *other = TASK(waiting_)(t, joins->level, tile);
    const int n = joins->count++;
    joins->levels[n] = joins->level;
    EACH_STATISTIC {
      join_factors by;
      join_sums(AT(other + i), AT(other + STATISTICS + i), &OWN(m, i), &OWN(l, i), &by);
      OWN(joins->left[n], i) = by.left;
      OWN(joins->right[n], i) = by.right;
    }
  }
}

// A result, or a node for whoever joins the tasks.
typedef struct {
  OWN_FLOATS(first, STATISTICS);
  OWN_FLOATS(second, STATISTICS);
} TASK(factors_);

// Where row `row` of the task belongs in the result, or in a slot of nodes.
INLINE WORK float *TASK(target_)(const TASK(task_) *t, int row) {
  const int heads = t->call.kv_heads * t->call.group, query = row / t->call.group;
  const int head = t->kv_head * t->call.group + row % t->call.group;
  if (t->slot >= 0)
    return t->call.nodes + t->slot * t->call.slot_floats + ((long)query * heads + head) * (t->call.value_size + 2);
  return t->call.out + (t->first_row + t->first_query + query) * t->call.ldo + head * t->call.value_size;
}

// What a tile's sums are multiplied by before they are stored; stores m and l, or the log-sum-exp.
INLINE void TASK(finish_)(const TASK(task_) *t, int tile, float *m, float *l, TASK(factors_) *by) {
  const int group = t->call.group, rows = min(ROWS, t->rows - tile * ROWS);
  OWN_FLOATS(sink, STATISTICS);
  for (int i = 0; i < STATISTICS; i++) sink[i] = 0;
  for (int i = 0; i < rows && t->call.has_sinks; i++)
    sink[i] = t->call.sinks[t->kv_head * group + (tile * ROWS + i) % group];
  if (t->slot >= 0) {
    for (int i = 0; i < rows; i++) {
      WORK float *to = TASK(target_)(t, tile * ROWS + i) + t->call.value_size;
      to[0] = m[i];
      to[1] = l[i];
    }
    return;
  }
  EACH_STATISTIC {
    join_factors factors;
    finish_sums(t->call.has_sinks, OWN(sink, i), &OWN(m, i), &OWN(l, i), &factors);
    OWN(by->first, i) = factors.left;
    OWN(by->second, i) = factors.right;
    OWN(l, i) = OWN(m, i) + portable_log(OWN(l, i));
  }
  for (int i = 0; i < rows && t->call.has_logs; i++) {
    const int row = tile * ROWS + i;
    t->call.logs[(t->first_row + t->first_query + row / group) * t->call.ld_logs + t->kv_head * group + row % group] =
        l[i];
  }
}

// Stores NR columns of a tile: where they wait, as a node, or as the result.
INLINE void TASK(store_columns_)(const TASK(task_) *t, int tile, bool is_last, int level, int column,
                                 const TASK(factors_) *by, floats o[ROWS][NV]) {
  if (!is_last) {
    WORK float *to = TASK(waiting_)(t, level, tile) + 2 * STATISTICS + column * ROWS;
    EACH_ELEMENT(AT(to + i * NR + v * VECTOR) = o[i][v])
    return;
  }
  EACH_ELEMENT(const int row = tile * ROWS + i; const int at = column + v * VECTOR;
               const floats x = t->slot >= 0 ? o[i][v] : o[i][v] * EACH(by->first[i]) * EACH(by->second[i]);
               if (row < t->rows && at < t->call.value_size)
                   store_floats(x, TASK(target_)(t, row) + at, t->call.value_size - at);)
}

// A chunk of a tile whose weights are there: sums over V, joined with what waits, and stored.
INLINE void TASK(sum_)(const TASK(task_) *t, int tile, int chunk, int from, int to, bool is_last,
                       const TASK(joins_) *joins, const TASK(factors_) *by) {
  for (int panel = 0; panel < t->panels; panel++) {
    WORK float *e = t->scores;
#if IN_BLOCKS
    e += ROWS * STRIDE;
    TASK(scale_weights_)(t, chunk, from / VECTOR * VECTOR, to, panel, e);
#endif
    for (int at = 0; at < PANEL; at += NR) {
      const int column = panel * PANEL + at;
      floats o[ROWS][NV], check[SUM_VECTORS];
      TASK(multiply_values_)(t, e, chunk, from, to, panel, at, false, o);
      UNROLL for (int u = 0; u < SUM_VECTORS; u++) check[u] = 0;
      EACH_ELEMENT(check[0] = FMA(o[i][v], EACH(0.0f), check[0]))
      if (TASK(total_)(check) != 0) // an infinity or NaN may be that of a key without weight
        TASK(multiply_values_)(t, e, chunk, from, to, panel, at, true, o);
      EACH_ELEMENT(o[i][v] += EACH(0.0f))
      for (int n = 0; n < joins->count; n++) {
        WORK float *other = TASK(waiting_)(t, joins->levels[n], tile) + 2 * STATISTICS + column * ROWS;
        EACH_ELEMENT(o[i][v] = join_values(AT(other + i * NR + v * VECTOR), o[i][v], EACH(joins->left[n][i]),
                                       EACH(joins->right[n][i])))
      }
      TASK(store_columns_)(t, tile, is_last, joins->level, column, by, o);
    }
  }
}

// Tile `tile` against chunk `chunk`, one of those from `first` to `last` that it sees.
static void TASK(attend_tile_)(const TASK(task_) *t, int tile, int chunk, int first, int last) {
  const int row0 = tile * ROWS, row1 = min(row0 + ROWS, t->rows) - 1, group = t->call.group;
  const int begin = seen_begin(t->first_query + row0 / group, t->queries, t->keys, t->call.window) - chunk * CHUNK_KEYS;
  const int end = seen_end(t->first_query + row1 / group, t->queries, t->keys, t->call.causal) - chunk * CHUNK_KEYS;
  const int from = max(0, begin), to = min(CHUNK_KEYS, end);
  const int whole_from = from / PANEL * PANEL, whole_to = (to + PANEL - 1) / PANEL * PANEL;
  TASK(score_)(t, tile, chunk, whole_from, whole_to);
  OWN_FLOATS(m, STATISTICS);
  OWN_FLOATS(l, STATISTICS);
  for (int i = 0; i < STATISTICS; i++) {
    m[i] = -INFINITY;
    l[i] = 0;
  }
  for (int i = 0; i < ROWS; i++) {
    WORK float *s = t->scores + i * STRIDE;
    TASK(shape_scores_)(t, row0 + i, chunk, whole_from, whole_to, s);
    TASK(weigh_)(s, whole_from, whole_to, m + i, l + i);
  }
  TASK(joins_) joins;
  TASK(factors_) by;
  TASK(join_)(t, tile, chunk, first, chunk == last, &joins, m, l);
  if (chunk == last) {
    TASK(finish_)(t, tile, m, l, &by);
  } else {
    WORK float *to_wait = TASK(waiting_)(t, joins.level, tile);
    EACH_STATISTIC {
      AT(to_wait + i) = OWN(m, i);
      AT(to_wait + STATISTICS + i) = OWN(l, i);
    }
  }
  TASK(sum_)(t, tile, chunk, from, to, chunk == last, &joins, &by);
}

// A tile none of whose rows sees a key.
static void TASK(attend_nothing_)(const TASK(task_) *t, int tile) {
  OWN_FLOATS(m, STATISTICS);
  OWN_FLOATS(l, STATISTICS);
  TASK(factors_) by;
  floats o[ROWS][NV];
  for (int i = 0; i < STATISTICS; i++) {
    m[i] = -INFINITY;
    l[i] = 0;
  }
  EACH_ELEMENT(o[i][v] = 0)
  TASK(finish_)(t, tile, m, l, &by);
  for (int column = 0; column < t->panels * PANEL; column += NR)
    TASK(store_columns_)(t, tile, true, 0, column, &by, o);
}

// A whole task for one KV head.
INLINE void TASK(attend_)(attention_call call, INPUT int *record, int kv_head, WORK float *work) {
  TASK(task_) t;
  TASK(open_)(&t, call, record, kv_head, work);
  TASK(copy_queries_)(&t);
  for (int chunk = t.begin; chunk < max(t.end, t.begin + 1); chunk++)
    for (int tile = 0; tile < t.tiles; tile++) {
      const int first_query = t.first_query + tile * ROWS / call.group;
      const int last_query = t.first_query + (min(tile * ROWS + ROWS, t.rows) - 1) / call.group;
      const int end = seen_end(last_query, t.queries, t.keys, call.causal);
      const int first = max(t.begin, seen_begin(first_query, t.queries, t.keys, call.window) / CHUNK_KEYS);
      const int last = min(t.end, (end + CHUNK_KEYS - 1) / CHUNK_KEYS) - 1;
      if (first <= chunk && chunk <= last) TASK(attend_tile_)(&t, tile, chunk, first, last);
      if (first > last && chunk == t.begin) TASK(attend_nothing_)(&t, tile);
    }
}
