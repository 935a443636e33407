// SPDX-License-Identifier: Apache-2.0
// common/attention_append: puts keys and values of new tokens into a cache (common/attention), and turns keys and
// queries by rotary embedding (Su et al. 2021, https://arxiv.org/abs/2104.09864). OpenCL C and C, where LANE_0 is the
// first lane of a vector; C includes this file once for each KV_TYPE.
// A pair of numbers (x0, x1) of a head and an angle become
//   fma(x0, cos, -(x1 * sin)), fma(x1, cos, x0 * sin)
// Pair i are numbers i and i + rotary_size / 2, or where `interleaved` 2 i and 2 i + 1; those from rotary_size on stay.
// Where KV_TYPE is Q8_0: scale = max|x| / 127 of PANEL numbers, each x * 127 / max|x| to the nearest, ties to even;
// where one is not finite the scale is NaN.
// Prepend common/elements, common/functions, common/attention_call, common/attention, common/attention_kv.
#ifdef __OPENCL_C_VERSION__
#define LANE_0(x) (x)
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

// Number p of a head after its rotation; `angles` are those of its token.
INLINE float APPEND(rotated_)(append_call call, INPUT float *x, INPUT float *angles, int p) {
  const int size = call.rotary_size, half_size = size / 2;
  if (p >= size) return x[p];
  const int pair = call.interleaved ? p / 2 : p % half_size;
  const bool is_first = call.interleaved ? p % 2 == 0 : p < half_size;
  const float other = x[call.interleaved ? p ^ 1 : is_first ? p + half_size : p - half_size];
  const float by = other * angles[half_size + pair];
  return LANE_0(FMA(EACH(x[p]), EACH(angles[pair]), EACH(is_first ? -by : by)));
}

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
    for (int i = 0; i < PANEL; i++) x[i] = APPEND(rotated_)(call, k, angles, group * PANEL + i);
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
  for (int p = lane; p < size; p += lanes) KV_STORE(APPEND(rotated_)(call, k, angles, p), keys + p * PANEL);
  WORK KV_STORAGE *values = (WORK KV_STORAGE *)call.values + number * panels * length * PANEL + (long)inside * PANEL;
  for (int c = lane; c < panels * PANEL; c += lanes)
    KV_STORE(c < call.value_size ? v[c] : 0, values + (long)(c / PANEL) * length * PANEL + c % PANEL);
#endif
}

// Turns a head of a token's query, in place.
INLINE void APPEND(rotate_query_)(append_call call, WORK float *q, int token, int lane, int lanes) {
  const int half_size = call.rotary_size / 2;
  if (call.places[token * PLACE_WORDS + 1] < 0) return;
  INPUT float *angles = call.angles + (long)call.places[token * PLACE_WORDS + 1] * call.rotary_size;
  for (int pair = lane; pair < half_size; pair += lanes) {
    const int a = call.interleaved ? 2 * pair : pair, b = call.interleaved ? a + 1 : a + half_size;
    const float x0 = q[a], x1 = q[b], by = angles[half_size + pair];
    q[a] = LANE_0(FMA(EACH(x0), EACH(angles[pair]), EACH(-(x1 * by))));
    q[b] = LANE_0(FMA(EACH(x1), EACH(angles[pair]), EACH(x0 * by)));
  }
}
