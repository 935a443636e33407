// SPDX-License-Identifier: Apache-2.0
// common/attention: softmax(scale * Q . K^T) . V in one order, the same bits on every device. OpenCL C and C: the CPU
// fallback includes this file too (Sources/CShardHost/attention.h).
//
// Keys of a sequence are numbered from 0 and taken in chunks of CHUNK_KEYS. A query makes of a chunk, over the keys
// that it sees there:
//   s[j]  scale * the chain of fma over ascending p of q[p] and k[j][p], from +0; then softcap * tanh(s / softcap), and
//         fma(slope, j - the query's own number, s), where there are any. -inf where the query does not see the key
//   m     the largest s; NaN does not count
//   e[j]  portable_decay(s[j] - m), and 0 where m is -inf: a key whose score is -inf takes no part
//   l     the sum of e: 16 chains, j % 16 each, ascending; then halves, the upper added to the lower
//   o[c]  chain of fma over ascending j of e[j] and v[j][c], from +0; a key with e 0 takes no part, even an infinite
//         one
// Chunks meet in the binary tree of their numbers: chunk i joins as the carries of a binary counter do, and one that a
// query does not see is left out. A join (m, l, o) of left and right:
//   m = max(m', m"), a' = portable_decay(m' - m), a" = portable_decay(m" - m); l = fma(l', a', l" * a"), o alike
// A sum that is zero has a plus sign, so that joining what is not there, (-inf, 0, 0), changes nothing. A sink is the
// last to join, (sink, 1, 0). The result is o / l, by the reciprocal of l, and its log-sum-exp m + log(l).
//
// The cache. A block has block_length keys, a multiple of PANEL, of all KV heads; the keys of a sequence lie in the
// blocks that its part of `table` lists. Block b and head h begin with element (b * kv_heads + h) * block_length *
// key_size of K, and of V with panels * PANEL in place of key_size, panels = ceil(value_size / PANEL).
//   K  [key / PANEL][p][key % PANEL]: the keys of a panel lie side by side
//   V  [c / PANEL][key][c % PANEL], filled up with zeros
// Where KV_TYPE is Q8_0, PANEL numbers, p or c, of a key have one scale; sizes are multiples of PANEL. In the place of
// PANEL * PANEL elements of K come PANEL scales, f16, one of each key, and PANEL * PANEL signed bytes [p][key]; in the
// place of a panel of V block_length scales and the bytes [key][c]. A score then is fma(scale, chain over a group, s)
// over ascending groups, and e * scale multiplies v.
// OpenCL C: prepend common/elements, common/functions, common/attention_call; C defines what the last one does.
#define CHUNK_KEYS 128
#define PANEL 32

#define MOST_LEVELS 25 // of the tree: keys are counted in 31 bits
// Words of the records that say what belongs to whom.
#define SEQUENCE_WORDS 8 // first row of Q, queries, keys, first entry of `table`, the first key that is here
#define TASK_WORDS 8     // sequence, first query, queries, first chunk, the one after the last, slot or -1
#define QUERY_WORDS 4    // row of OUT, which query of its slots, number of nodes, where their list begins
#define NODE_WORDS 2     // of such a list: slot, joins of the last two nodes that follow it
#define PLACE_WORDS 2    // of a token: block * block_length + its key's number in the block, or -1; entry of `angles`

// What both sides of a join are multiplied by. Nothing returns it: Oclgrind cannot run what compilers make of a returned
// struct where the function is inlined.
typedef struct {
  floats left, right;
} join_factors;

// (*m, *l) becomes its join with what is left of it.
INLINE void join_sums(floats left_m, floats left_l, floats *m, floats *l, join_factors *by) {
  const floats top = left_m > *m ? left_m : *m;
  const floats base = top == EACH(-INFINITY) ? EACH(0.0f) : top;
  by->left = portable_decay(left_m - base);
  by->right = portable_decay(*m - base);
  *m = top;
  *l = FMA(left_l, by->left, *l * by->right);
}

INLINE floats join_values(floats left, floats right, floats left_factor, floats right_factor) {
  return FMA(left, left_factor, right * right_factor) + 0.0f;
}

// What the values of a finished query are multiplied by, one after the other; m and l then count the sink.
INLINE void finish_sums(bool has_sink, floats sink, floats *m, floats *l, join_factors *by) {
  by->left = EACH(1.0f);
  if (has_sink) {
    floats sink_l = EACH(1.0f);
    join_sums(*m, *l, &sink, &sink_l, by);
    *m = sink;
    *l = sink_l;
  }
  by->right = *l == EACH(0.0f) ? EACH(0.0f) : quotient(EACH(1.0f), *l);
}

// The keys that query `query` of a sequence sees: those from `seen_begin` on before `seen_end`.
INLINE int seen_end(int query, int queries, int keys, int causal) {
  const int own = query + keys - queries; // its own number among the keys
  return !causal || own >= keys ? keys : own < 0 ? 0 : own + 1;
}
INLINE int seen_begin(int query, int queries, int keys, int window) {
  const int own = query + keys - queries;
  return window && own >= window ? own + 1 - window : 0;
}

// Whether `chunk` ends the right half of a subtree of 2^(level + 1) chunks whose left half has chunks from `first` on.
INLINE bool has_left(int chunk, int level, int first) {
  return (chunk >> level & 1) && (chunk >> level << level) > first;
}
