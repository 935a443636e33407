// SPDX-License-Identifier: Apache-2.0
// common/attention_append: puts keys and values of new tokens into a cache (common/attention), and turns keys and
// queries by rotary embedding (common/rotary). OpenCL C and C; C includes this file once for each KV_TYPE.
// Where KV_TYPE is Q8_0: scale = max|x| / 127 of PANEL numbers, each x * 127 / max|x| to the nearest, ties to even;
// where one is not finite the scale is NaN.
// Prepend common/elements, common/functions, common/rotary, common/attention_call, common/attention,
// Prepend common/attention_kv.
#ifdef __OPENCL_C_VERSION__
#if FUNCTION_LANES != 1
#error "common/attention_append: FUNCTION_LANES must be 1"
#endif
typedef struct {
  int kv_heads, key_size, value_size, block_length;
  INPUT float *k, *v; // tokens x kv_heads * size
  long ldk, ldv;
  int rotary_size, interleaved;
  INPUT float *angles;  // [entry][cos, sin][pair]
  INPUT int *places;    // of each token; those of none are left out
  WORK void *keys, *values;
} append_call;
#endif
#define APPEND(NAME) JOIN_WORDS(NAME, TASK_SUFFIX)

#if KV_CODE == KV_Q8_0
// Writes PANEL numbers as bytes `stride` apart, and their scale.
INLINE void APPEND(quantise_)(const float x[PANEL], WORK uchar *bytes, int stride, WORK uchar *scale) {
  float largest = 0, check = 0;
  for (int i = 0; i < PANEL; i++) {
    const float size = x[i] < 0 ? -x[i] : x[i];
    largest = size > largest ? size : largest;
    check += x[i] * 0;
  }
  const float inverse = largest < 0x1p-100f ? 0 : LANE_0(quotient(EACH(127.0f), EACH(largest)));
  for (int i = 0; i < PANEL; i++) {
    const float shifted = x[i] * inverse + 0x1.8p23f; // rounds; the low bits then are the whole number
    bytes[i * stride] = (uchar)FLOAT_BITS(shifted);
  }
  STORE_HALF(check == 0 ? largest * (1.0f / 127) : check, scale);
}
#endif

// The keys and values of KV head `head` of token `token`; numbers lane, lane + lanes ... of it.
INLINE void APPEND(append_)(append_call call, int token, int head, int lane, int lanes) {
  const int length = call.block_length, size = call.key_size, panels = (call.value_size + PANEL - 1) / PANEL;
  const int place = call.places[token * PLACE_WORDS], inside = place % length;
  if (place < 0) return;
  INPUT float *angles = call.angles + (long)call.places[token * PLACE_WORDS + 1] * call.rotary_size;
  INPUT float *k = call.k + token * call.ldk + (long)head * size;
  INPUT float *v = call.v + token * call.ldv + (long)head * call.value_size;
  const long number = (long)(place / length) * call.kv_heads + head;
#if KV_CODE == KV_Q8_0
  WORK uchar *keys = (WORK uchar *)call.keys + number * (length / PANEL) * size * (PANEL + 2);
  for (int group = lane; group < size / PANEL; group += lanes) {
    WORK uchar *to = keys + ((long)inside / PANEL * (size / PANEL) + group) * PANEL * (PANEL + 2);
    float x[PANEL];
    for (int i = 0; i < PANEL; i++)
      x[i] = turned_number(call.rotary_size, call.interleaved, k, angles, group * PANEL + i);
    APPEND(quantise_)(x, to + 2 * PANEL + inside % PANEL, PANEL, to + 2 * (inside % PANEL));
  }
  WORK uchar *values = (WORK uchar *)call.values + number * panels * length * (PANEL + 2);
  for (int panel = lane; panel < panels; panel += lanes) {
    WORK uchar *to = values + (long)panel * length * (PANEL + 2);
    float x[PANEL];
    for (int i = 0; i < PANEL; i++) x[i] = v[panel * PANEL + i];
    APPEND(quantise_)(x, to + 2 * length + (long)inside * PANEL, 1, to + 2 * inside);
  }
#else
  WORK KV_STORAGE *keys = (WORK KV_STORAGE *)call.keys + number * length * size;
  keys += (long)(inside / PANEL) * size * PANEL + inside % PANEL;
  for (int p = lane; p < size; p += lanes)
    KV_STORE(turned_number(call.rotary_size, call.interleaved, k, angles, p), keys + p * PANEL);
  WORK KV_STORAGE *values = (WORK KV_STORAGE *)call.values + number * panels * length * PANEL + (long)inside * PANEL;
  for (int c = lane; c < panels * PANEL; c += lanes)
    KV_STORE(c < call.value_size ? v[c] : 0, values + (long)(c / PANEL) * length * PANEL + c % PANEL);
#endif
}

// Turns a head of a token's query, in place.
INLINE void APPEND(rotate_query_)(append_call call, WORK float *q, int token, int lane, int lanes) {
  const int position = call.places[token * PLACE_WORDS + 1];
  if (position < 0) return;
  turn_pairs(call.rotary_size, call.interleaved, q, q, call.angles + (long)position * call.rotary_size, lane, lanes);
}
