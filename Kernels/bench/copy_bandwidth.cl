// SPDX-License-Identifier: Apache-2.0
// bench/copy_bandwidth: the rate at which a device reads and writes memory at the same time. Work-item x copies the
// vectors x * item_stride + s * step_stride, s < steps, of `source` to `target`: 8 * VECTOR * steps bytes read and
// written. Strides: bench/read_bandwidth.
// Prepend common/elements.
// gpu: -DVECTOR=4
#ifndef VECTOR
#define VECTOR 16 // floats of a read and of a write: 4, 8, 16; 4 on GPUs
#endif
typedef JOIN_WORDS(uint, VECTOR) bits;

__kernel void bench_copy_bandwidth(int steps, long item_stride, long step_stride, __global const bits *restrict source,
                                   __global bits *restrict target) {
  source += get_global_id(0) * item_stride;
  target += get_global_id(0) * item_stride;
  for (int s = 0; s < steps; s++) target[s * step_stride] = source[s * step_stride];
}
