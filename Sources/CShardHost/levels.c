// SPDX-License-Identifier: Apache-2.0
// Chooses the level and passes calls on to it.
#include "levels.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const shard_host_functions *choose(void) {
#if defined(__x86_64__)
  const shard_host_functions *const levels[] = {&shard_host_level_v4, &shard_host_level_v3, &shard_host_level_default};
  const bool has[] = {__builtin_cpu_supports("x86-64-v4"), __builtin_cpu_supports("x86-64-v3"), true};
  const char *asked = getenv("SHARDCL_HOST_LEVEL");
  size_t level = 0;
  while (!has[level])
    level++;
  for (size_t lower = level; asked != NULL && lower < sizeof has; lower++)
    if (strcmp(asked, levels[lower]->name) == 0)
      return levels[lower];
  return levels[level];
#else
  return &shard_host_level_default;
#endif
}

const shard_host_functions *shard_host_level_in_use(void) {
  static _Atomic(const shard_host_functions *) chosen;
  const shard_host_functions *level = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (level == NULL) { // threads that meet here choose the same
    level = choose();
    atomic_store_explicit(&chosen, level, memory_order_relaxed);
  }
  return level;
}

const char *shard_host_level(void) { return shard_host_level_in_use()->name; }
size_t shard_host_panel_rows(void) { return shard_host_level_in_use()->panel_rows; }
size_t shard_host_panel_columns(void) { return shard_host_level_in_use()->panel_columns; }

void shard_host_pack(const shard_host_matrix *source, size_t width, shard_host_type target_type, void *target,
                     size_t panel_begin, size_t panel_end) {
  shard_host_level_in_use()->pack(source, width, target_type, target, panel_begin, panel_end);
}

void shard_host_pack_blocks(shard_host_format format, const void *source, size_t rows, size_t columns, void *target,
                            size_t panel_begin, size_t panel_end) {
  shard_host_level_in_use()->pack_blocks(format, source, rows, columns, target, panel_begin, panel_end);
}

void shard_host_group_sums(const shard_host_matrix *source, size_t group, size_t width, float *sums, size_t panel_begin,
                           size_t panel_end) {
  shard_host_level_in_use()->group_sums(source, group, width, sums, panel_begin, panel_end);
}

shard_host_block shard_host_gemm_block(size_t m, size_t n, size_t workers) {
  const size_t rows = shard_host_level_in_use()->panel_rows, columns = shard_host_level_in_use()->panel_columns;
  const size_t row_panels = (m + rows - 1) / rows, column_panels = (n + columns - 1) / columns;
  // At most about 128 x 512 of C; smaller, down to 2 x 2 panels, until every worker has 6 blocks.
  shard_host_block block = {(112 + rows - 1) / rows, 512 / columns};
  while (((row_panels + block.rows - 1) / block.rows) * ((column_panels + block.columns - 1) / block.columns) <
             6 * workers &&
         block.rows * block.columns > 4) {
    size_t *larger = block.columns * columns > block.rows * rows ? &block.columns : &block.rows;
    *larger = (*larger + 1) / 2;
  }
  return block;
}

size_t shard_host_gemm_scratch_bytes(shard_host_block block) { return shard_host_level_in_use()->gemm_scratch_bytes(block); }

void shard_host_gemm(const shard_host_product *product, const float *a_panels, size_t row_begin, size_t row_end,
                     size_t column_begin, size_t column_end, void *scratch) {
  shard_host_level_in_use()->gemm(product, a_panels, row_begin, row_end, column_begin, column_end, scratch);
}

void shard_host_gemv(const shard_host_product *product, const float *x, size_t ldx, size_t column_begin,
                     size_t column_end) {
  shard_host_level_in_use()->gemv(product, x, ldx, column_begin, column_end);
}

// Whether the program leaves exactly one value and never takes one that is not there.
static bool is_tree(const uint8_t *program, size_t length, size_t addend_count) {
  size_t depth = 0;
  for (size_t step = 0; step < length; step++) {
    if (program[step] == SHARD_HOST_JOIN ? depth < 2 : program[step] >= addend_count || depth == SHARD_HOST_ADDENDS)
      return false;
    depth += program[step] == SHARD_HOST_JOIN ? -1 : 1;
  }
  return depth == 1;
}

bool shard_host_reduce(shard_host_operation operation, shard_host_type type, const void *const *addends,
                       size_t addend_count, const uint8_t *program, size_t program_length, void *out, size_t begin,
                       size_t end) {
  if (addend_count > SHARD_HOST_ADDENDS || !is_tree(program, program_length, addend_count))
    return false;
  if (begin < end)
    shard_host_level_in_use()->reduce(operation, type, addends, addend_count, program, program_length, out, begin, end);
  return true;
}

void shard_host_add_bias(float *c, size_t ldc, const float *bias, size_t rows, size_t columns) {
  shard_host_level_in_use()->add_bias(c, ldc, bias, rows, columns);
}

void shard_host_apply(shard_host_function function, const float *x, float *out, size_t count) {
  shard_host_level_in_use()->apply(function, x, out, count);
}

void shard_host_divide(const float *a, const float *b, float *out, size_t count) {
  shard_host_level_in_use()->divide(a, b, out, count);
}

size_t shard_host_reference_scratch_bytes(void) { return shard_host_level_in_use()->reference_scratch_bytes(); }

void shard_host_reference(const shard_host_matrix *a, const shard_host_matrix *b, size_t row_begin, size_t row_end,
                          double *product, double *magnitude, void *scratch) {
  shard_host_level_in_use()->reference(a, b, row_begin, row_end, product, magnitude, scratch);
}

double shard_host_error_over_bound(const float *c, size_t ldc, const double *reference, const double *magnitude,
                                   size_t rows, size_t columns, size_t k) {
  return shard_host_level_in_use()->error_over_bound(c, ldc, reference, magnitude, rows, columns, k);
}

int shard_host_attention_rows(bool few) { return shard_host_level_in_use()->attention_rows(few); }

size_t shard_host_attention_work_floats(const shard_host_attention *call, bool few, int rows, int levels) {
  return shard_host_level_in_use()->attention_work_floats(call, few, rows, levels);
}

void shard_host_attend(const shard_host_attention *call, shard_host_kv type, bool few, const int32_t *task, int kv_head,
                       float *work) {
  shard_host_level_in_use()->attend(call, type, few, task, kv_head, work);
}

void shard_host_attention_join(const shard_host_attention *call, const int32_t *query, int head) {
  shard_host_level_in_use()->attention_join(call, query, head);
}

void shard_host_append_token(const shard_host_append *call, shard_host_kv type, int token, int head) {
  shard_host_level_in_use()->append_token(call, type, token, head);
}

void shard_host_rotate_query(const shard_host_append *call, float *q, int token) {
  shard_host_level_in_use()->rotate_query(call, q, token);
}

double shard_host_fma_peak(size_t iterations, float *value) { return shard_host_level_in_use()->fma_peak(iterations, value); }
uint64_t shard_host_read(const void *data, size_t byte_count) { return shard_host_level_in_use()->read(data, byte_count); }
