// SPDX-License-Identifier: Apache-2.0
// attention/append: new keys and values into a cache, with rotary embedding, and queries turned in place
// (common/attention, common/attention_append).
// K  tokens x kv_heads * key_size    k[k_offset + t * ldk + head * key_size + p], f32
// V  tokens x kv_heads * value_size  v[v_offset + t * ldv + head * value_size + c], f32
// Q  tokens x heads * key_size       q[q_offset + t * ldq + head * key_size + p], f32; heads may be 0
// Work-group (lanes, 1, 1), number (0, y, z), has tokens z * run .. and KV head y, or query head y - kv_heads; any
// number of lanes. Global size (lanes, kv_heads + heads, ceil(tokens / run)).
// Prepend common/elements, common/functions, common/rotary, common/attention_call, common/attention,
// Prepend common/attention_kv, common/attention_append.
// check: -DKV_TYPE=F16
// check: -DKV_TYPE=BF16
// check: -DKV_TYPE=Q8_0
// stack: 128, a group of 8-bit numbers
// gpu: -DKV_TYPE=*
__kernel void attention_append(int tokens, int run, int kv_heads, int key_size, int value_size,
                               int block_length, __global const float *restrict k, long k_offset, long ldk,
                               __global const float *restrict v, long v_offset, long ldv, __global float *q,
                               long q_offset, long ldq, int rotary_size, int interleaved,
                               __global const float *restrict angles, __global const int *restrict records,
                               int places_at, __global KV_STORAGE *keys, __global KV_STORAGE *values) {
  const append_call call = {
      .kv_heads = kv_heads, .key_size = key_size, .value_size = value_size, .block_length = block_length,
      .k = k + k_offset, .v = v + v_offset, .ldk = ldk, .ldv = ldv, .rotary_size = rotary_size,
      .interleaved = interleaved, .angles = angles, .places = records + places_at, .keys = keys, .values = values};
  const int lane = get_local_id(0), lanes = get_local_size(0), head = get_global_id(1);
  const int first = get_global_id(2) * run, end = min(tokens, first + run);
  for (int token = first; token < end; token++) {
    if (head < kv_heads)
      APPEND(append_)(call, token, head, lane, lanes);
    else
      APPEND(rotate_query_)(call, q + q_offset + token * ldq + (long)(head - kv_heads) * key_size, token, lane, lanes);
  }
}
