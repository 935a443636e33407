// SPDX-License-Identifier: Apache-2.0
// Kernels/common/attention*.cl, the text that OpenCL's CPU devices compile, over this level's vectors.
#pragma once
#include "blocks.h"
#include "functions.h"
#include "rows.h"
#include <math.h>

typedef floats unaligned_floats __attribute__((aligned(4)));
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));
typedef float float8 __attribute__((ext_vector_type(8)));
#undef INPUT // of common/repack
#define INPUT const
#define WORK
#define VECTOR LANES
#define NV 2
#define NR (NV * VECTOR)
#define FLOAT_BITS(x) to_bits(x)
#define KV_SCALES(p) load_elements(SHARD_HOST_F16, p, 0)
#define STORE_HALF(x, p) store_element(SHARD_HOST_F16, p, 0, x)
#define FEW_ROWS 4 // of a tile for decode
INLINE int min(int a, int b) { return a < b ? a : b; }
INLINE int max(int a, int b) { return a > b ? a : b; }
typedef shard_host_attention attention_call;
typedef shard_host_append append_call;

#include "../../Kernels/common/attention.cl"
#include "../../Kernels/common/attention_join.cl"
#define KV_F32 1
#define KV_F16 2
#define KV_BF16 3
#define KV_Q8_0 4
#define KV_CODE JOIN_WORDS(KV_, KV_TYPE)

#define KV_TYPE F32
#define KV_STORAGE float
#define KV_FLOATS(p) load(p)
#define KV_STORE(x, p) (*(p) = (x))
#include "attention_type.h"

#define KV_TYPE F16
#define KV_STORAGE uint16_t
#define KV_FLOATS(p) load_elements(SHARD_HOST_F16, p, 0)
#define KV_STORE(x, p) store_element(SHARD_HOST_F16, p, 0, x)
#include "attention_type.h"

#define KV_TYPE BF16
#define KV_STORAGE uint16_t
#define KV_FLOATS(p) load_elements(SHARD_HOST_BF16, p, 0)
#define KV_STORE(x, p) store_element(SHARD_HOST_BF16, p, 0, x)
#include "attention_type.h"

#define KV_TYPE Q8_0
#define KV_STORAGE uchar
#define KV_FLOATS(p) load_signed_bytes(p)
#include "attention_type.h"

static int attention_rows(bool few) { return few ? FEW_ROWS : TILE_ROWS; }

static size_t attention_work_floats(const shard_host_attention *call, bool few, int rows, int levels) {
  return (size_t)(few ? work_size_F32_few(rows, levels, call->key_size, call->value_size)
                      : work_size_F32_many(rows, levels, call->key_size, call->value_size));
}

static void attend(const shard_host_attention *call, shard_host_kv type, bool few, const int32_t *task, int kv_head,
                   float *work) {
  switch (type) {
  case SHARD_HOST_KV_F32:
    return few ? attend_F32_few(*call, task, kv_head, work) : attend_F32_many(*call, task, kv_head, work);
  case SHARD_HOST_KV_F16:
    return few ? attend_F16_few(*call, task, kv_head, work) : attend_F16_many(*call, task, kv_head, work);
  case SHARD_HOST_KV_BF16:
    return few ? attend_BF16_few(*call, task, kv_head, work) : attend_BF16_many(*call, task, kv_head, work);
  case SHARD_HOST_KV_Q8_0:
    return few ? attend_Q8_0_few(*call, task, kv_head, work) : attend_Q8_0_many(*call, task, kv_head, work);
  }
}

static void attention_join(const shard_host_attention *call, const int32_t *query, int head) {
  join_attention(*call, query, head, 0, 1);
}

static void append_token(const shard_host_append *call, shard_host_kv type, int token, int head) {
  switch (type) {
  case SHARD_HOST_KV_F32:
    return append_F32(*call, token, head, 0, 1);
  case SHARD_HOST_KV_F16:
    return append_F16(*call, token, head, 0, 1);
  case SHARD_HOST_KV_BF16:
    return append_BF16(*call, token, head, 0, 1);
  case SHARD_HOST_KV_Q8_0:
    return append_Q8_0(*call, token, head, 0, 1);
  }
}

static void rotate_query(const shard_host_append *call, float *q, int token) {
  rotate_query_F32(*call, q, token, 0, 1);
}
