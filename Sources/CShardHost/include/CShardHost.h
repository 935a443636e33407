// SPDX-License-Identifier: Apache-2.0
// The CPU fallback's inner loops. Every function does its part of the work on the calling thread, allocates nothing
// and is safe to call from many threads on disjoint outputs.
//
// One order of addition. k is cut into SHARD_HOST_LEAVES leaves (shard_host_leaf_border). Inside a leaf every element
// of the result is one chain of fma over ascending k, starting at +0. Leaves meet, left + right, in the complete binary
// tree. A caller that owns leaves [leaf_begin, leaf_end) gets the nodes (complete subtrees) that cover them. All
// functions give these bits on every instruction set.
//
// Quantised weights are summed by groups: a chain for each, then fma with its scale (Kernels/common/blocks). A leaf has
// whole blocks.
//
// Panels. A matrix of rows x columns (columns is the dimension that is summed) is stored as
//   panel[(r / width * columns + p) * width + r % width]      r < rows, p < columns
// and the last panel is filled up with zeros; quantised ones are in records (Kernels/common/blocks, lane bytes 1). Width
// is shard_host_panel_rows() for A and shard_host_panel_columns() for B, the n x k weight; both depend on the machine.
// 64-byte alignment is fastest, none is needed.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_HOST_LEAVES 8
#define SHARD_HOST_GEMV_ROWS 8
#define SHARD_HOST_ADDENDS 16

typedef enum __attribute__((enum_extensibility(closed))) shard_host_type : uint32_t {
  SHARD_HOST_F32 __attribute__((swift_name("f32"))),
  SHARD_HOST_F16 __attribute__((swift_name("f16"))),
  SHARD_HOST_BF16 __attribute__((swift_name("bf16"))),
} shard_host_type;

// How a weight is stored: as elements, or in the blocks of GGML's formats (Kernels/common/blocks).
typedef enum __attribute__((enum_extensibility(closed))) shard_host_format : uint32_t {
  SHARD_HOST_FORMAT_F32 __attribute__((swift_name("f32"))),
  SHARD_HOST_FORMAT_F16 __attribute__((swift_name("f16"))),
  SHARD_HOST_FORMAT_BF16 __attribute__((swift_name("bf16"))),
  SHARD_HOST_FORMAT_Q8_0 __attribute__((swift_name("q8_0"))),
  SHARD_HOST_FORMAT_Q4_0 __attribute__((swift_name("q4_0"))),
  SHARD_HOST_FORMAT_Q4_1 __attribute__((swift_name("q4_1"))),
  SHARD_HOST_FORMAT_Q5_0 __attribute__((swift_name("q5_0"))),
  SHARD_HOST_FORMAT_Q5_1 __attribute__((swift_name("q5_1"))),
  SHARD_HOST_FORMAT_IQ4_NL __attribute__((swift_name("iq4_nl"))),
  SHARD_HOST_FORMAT_Q4_K __attribute__((swift_name("q4_K"))),
  SHARD_HOST_FORMAT_Q5_K __attribute__((swift_name("q5_K"))),
  SHARD_HOST_FORMAT_Q6_K __attribute__((swift_name("q6_K"))),
} shard_host_format;

typedef enum __attribute__((enum_extensibility(closed))) shard_host_operation : uint32_t {
  SHARD_HOST_SUM __attribute__((swift_name("sum"))),
  SHARD_HOST_MAX __attribute__((swift_name("max"))), // IEEE 754 maximum: NaN propagates, -0 < +0
  SHARD_HOST_MIN __attribute__((swift_name("min"))), // IEEE 754 minimum
} shard_host_operation;

// Functions of one float, the same on every device (Kernels/common/functions). The first ones are activations.
typedef enum __attribute__((enum_extensibility(closed))) shard_host_function : uint32_t {
  SHARD_HOST_NONE __attribute__((swift_name("none"))),
  SHARD_HOST_RELU __attribute__((swift_name("relu"))),
  SHARD_HOST_RELU_SQUARED __attribute__((swift_name("reluSquared"))),
  SHARD_HOST_SILU __attribute__((swift_name("silu"))),
  SHARD_HOST_GELU __attribute__((swift_name("gelu"))),
  SHARD_HOST_GELU_TANH __attribute__((swift_name("geluTanh"))),
  SHARD_HOST_EXP __attribute__((swift_name("exp"))),
  SHARD_HOST_TANH __attribute__((swift_name("tanh"))),
  SHARD_HOST_ERF __attribute__((swift_name("erf"))),
  SHARD_HOST_SIGMOID __attribute__((swift_name("sigmoid"))),
  SHARD_HOST_LOG __attribute__((swift_name("log"))),
  SHARD_HOST_RSQRT __attribute__((swift_name("rsqrt"))),
} shard_host_function;

// Element (r, p) is data[r * row_stride + p * column_stride]; strides count elements.
typedef struct {
  const void *data;
  shard_host_type type;
  size_t rows, columns;
  ptrdiff_t row_stride, column_stride;
} shard_host_matrix;

// What a product of which all leaves are here does with v = alpha * sum + beta * C; all zero: nothing.
//   v += bias[j], v = activation(v), v += residual[i * ldr + j]
// Gated: C is m x n / 2, element (i, j) is activation(v[i, 2j]) * v[i, 2j + 1] + residual[i * ldr + j]; beta is 0.
typedef struct {
  shard_host_function activation;
  bool gated;
  const float *bias, *residual; // NULL for none
  size_t ldr;
} shard_host_epilogue;

// C = alpha * A * B^T + beta * C, A m x k in f32, B n x k. Operands hold the columns of the owned leaves only:
// shard_host_leaf_border(k, unit, leaf_end) - shard_host_leaf_border(k, unit, leaf_begin) of them.
typedef struct {
  size_t m, n;
  size_t k, unit; // of the whole product; leaves are whole units
  uint32_t leaf_begin, leaf_end;
  const void *b; // panels, width shard_host_panel_columns()
  shard_host_format format; // of B
  const float *group_sums;  // shard_host_group_sums of A where the format has offsets, in panels of width 1 for gemv
  float alpha, beta; // C is not read where beta is 0
  float *c;          // element (i, j) of node x is c[x * node_stride + i * ldc + j]
  size_t ldc, node_stride;
  shard_host_epilogue epilogue;
} shard_host_product;

// Blocks of C, counted in panels.
typedef struct {
  size_t rows, columns;
} shard_host_block;

// The instruction set in use: "x86-64-v4", "x86-64-v3" or "default". The best that the CPU has; the environment
// variable SHARDCL_HOST_LEVEL names a lower one, read once.
const char *shard_host_level(void);
size_t shard_host_panel_rows(void);
size_t shard_host_panel_columns(void);

// Where leaf `leaf` (0 to 8) starts: min(k, leaf * units / 8 * unit), units = ceil(k / unit).
size_t shard_host_leaf_border(size_t k, size_t unit, uint32_t leaf);
// How many complete subtrees cover [leaf_begin, leaf_end): 1 for [0, 8), 2 for [3, 6), 0 where it is empty.
uint32_t shard_host_node_count(uint32_t leaf_begin, uint32_t leaf_end);

// Writes panels [panel_begin, panel_end) of `source` to `target`, the address of panel 0. `target_type` is the
// source's type or f32.
void shard_host_pack(const shard_host_matrix *source, size_t width, shard_host_type target_type, void *target,
                     size_t panel_begin, size_t panel_end);

// Writes panels [panel_begin, panel_end) of rows x columns in a quantised format to `target`, the address of panel 0.
// `source` has whole blocks, row by row without gaps.
void shard_host_pack_blocks(shard_host_format format, const void *source, size_t rows, size_t columns, void *target,
                            size_t panel_begin, size_t panel_end);

// The sums of `source` (f32) over each `group` columns, chains of additions from +0, as panels of `width`:
// sums[(r / width * groups + g) * width + r % width], groups = columns / group. Writes panels [panel_begin, panel_end).
void shard_host_group_sums(const shard_host_matrix *source, size_t group, size_t width, float *sums, size_t panel_begin,
                           size_t panel_end);

// A good size of block for `workers` threads that take blocks as they become free.
shard_host_block shard_host_gemm_block(size_t m, size_t n, size_t workers);
// Bytes that a call of shard_host_gemm with a block of this size needs as scratch, one such piece per thread.
size_t shard_host_gemm_scratch_bytes(shard_host_block block);
// All nodes of the block of C whose panels are [row_begin, row_end) of A and [column_begin, column_end) of B.
void shard_host_gemm(const shard_host_product *product, const float *a_panels, size_t row_begin, size_t row_end,
                     size_t column_begin, size_t column_end, void *scratch);

// The same for few rows: x is m x k row-major, x[i * ldx + p]; columns of C that belong to panels
// [column_begin, column_end). Up to SHARD_HOST_GEMV_ROWS rows cost one reading of B.
void shard_host_gemv(const shard_host_product *product, const float *x, size_t ldx, size_t column_begin,
                     size_t column_end);

// out[i] = the tree of addends[.][i], for i in [begin, end), in f32 with one rounding to `type` at the end (to nearest,
// ties to even). `program` is the tree in postfix: a byte below `addend_count` pushes that addend, SHARD_HOST_JOIN
// joins the two on top, the lower one left. `out` may be one of the addends. False, and nothing written, if the
// program is not one tree or there are more than SHARD_HOST_ADDENDS addends.
#define SHARD_HOST_JOIN 255
bool shard_host_reduce(shard_host_operation operation, shard_host_type type, const void *const *addends,
                       size_t addend_count, const uint8_t *program, size_t program_length, void *out, size_t begin,
                       size_t end);

// c[i * ldc + j] += bias[j]
void shard_host_add_bias(float *c, size_t ldc, const float *bias, size_t rows, size_t columns);

// out[i] = function(x[i]), and a[i] / b[i], for `count` elements; `out` may be an operand.
void shard_host_apply(shard_host_function function, const float *x, float *out, size_t count);
void shard_host_divide(const float *a, const float *b, float *out, size_t count);

// The judge, in f64: for rows [row_begin, row_end) of A * B^T, straight from the unpacked operands (a m x k, b n x k),
// product[i * n + j] = sum of a[i, p] * b[j, p] and magnitude[i * n + j] = sum of |a[i, p]| * |b[j, p]|.
size_t shard_host_reference_scratch_bytes(void);
void shard_host_reference(const shard_host_matrix *a, const shard_host_matrix *b, size_t row_begin, size_t row_end,
                          double *product, double *magnitude, void *scratch);

// The largest |c - reference| / ((k + 8) * 2^-24 * magnitude) over rows x columns; c has leading dimension ldc, the
// others are dense. At most 1 where the product is right. 0 / 0 counts as 0. Infinite where c or the reference is NaN
// and the other is not, where an infinity does not match, and for a c that overflowed although reference and bound
// stay below the largest f32. The bound also allows 2^-150 per term, the rounding of subnormal sums.
double shard_host_error_over_bound(const float *c, size_t ldc, const double *reference, const double *magnitude,
                                   size_t rows, size_t columns, size_t k);

// How a cache stores keys and values: as elements, or where Q8_0 32 numbers with a scale (Kernels/common/attention).
typedef enum __attribute__((enum_extensibility(closed))) shard_host_kv : uint32_t {
  SHARD_HOST_KV_F32 __attribute__((swift_name("f32"))),
  SHARD_HOST_KV_F16 __attribute__((swift_name("f16"))),
  SHARD_HOST_KV_BF16 __attribute__((swift_name("bf16"))),
  SHARD_HOST_KV_Q8_0 __attribute__((swift_name("q8_0"))),
} shard_host_kv;

// Softmax(scale * Q . K^T) . V; Kernels/common/attention.cl has the definition, the layout of K and V and the records of
// sequences, tasks and queries. Rows are queries, heads lie side by side; q begins with query 0 of the call.
typedef struct {
  int kv_heads, group, key_size, value_size, block_length;
  int window; // 0 for none
  int causal;
  float scale, softcap; // softcap 0 for none
  const float *q;
  long ldq;
  const void *k, *v;
  const int32_t *sequences, *table;
  const float *slopes, *sinks; // of each query head, where has_slopes, has_sinks
  int has_slopes, has_sinks;
  float *out;
  long ldo;
  float *logs; // log-sum-exp of each query and head, where has_logs
  long ld_logs;
  int has_logs;
  float *nodes; // of each slot slot_floats: what several tasks of a query leave, [query of the task][head][o, m, l]
  long slot_floats;
  const int32_t *lists;
  int node_heads, first_head; // heads of a row of nodes, and the first that the join is of
  int as_nodes; // for shard_host_attention_join: whether `out` gets nodes, out_node_floats apart
  long out_node_floats;
} shard_host_attention;

// New keys and values for a cache, and where they go; Kernels/common/attention_append.cl.
typedef struct {
  int kv_heads, key_size, value_size, block_length;
  const float *k, *v; // tokens x kv_heads * size
  long ldk, ldv;
  int rotary_size, interleaved; // size 0 for no rotation
  const float *angles;
  const int32_t *places;
  void *keys, *values;
} shard_host_append;

// Rows of a tile: a query and a head of a KV head's group each; `few` for tasks of few rows.
int shard_host_attention_rows(bool few);
// Floats of work memory for tasks of at most `rows` rows that wait at `levels` levels.
size_t shard_host_attention_work_floats(const shard_host_attention *call, bool few, int rows, int levels);
// Does a task for one KV head.
void shard_host_attend(const shard_host_attention *call, shard_host_kv type, bool few, const int32_t *task, int kv_head,
                       float *work);
// Joins what several tasks left for one head of a query.
void shard_host_attention_join(const shard_host_attention *call, const int32_t *query, int head);
// Puts a KV head of a token into the cache; turns a head `q` of a token's query in place.
void shard_host_append_token(const shard_host_append *call, shard_host_kv type, int token, int head);
void shard_host_rotate_query(const shard_host_append *call, float *q, int token);

// Runs independent fma chains in registers; returns the floating-point operations done and stores a value that
// depends on all of them.
double shard_host_fma_peak(size_t iterations, float *value);
// Reads every byte once and returns a checksum, so that no read is left out.
uint64_t shard_host_read(const void *data, size_t byte_count);

#include "ShardHostLayers.h"
