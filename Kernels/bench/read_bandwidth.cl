// SPDX-License-Identifier: Apache-2.0
// bench/read_bandwidth: the rate at which a device reads memory. Work-item x reads the vectors
// x * item_stride + s * step_stride of `source`, s < steps: 4 * VECTOR * steps bytes. CPU devices: an item a core,
// item_stride = steps, step_stride = 1, so that each reads its own run; GPUs: item_stride = 1, step_stride = global
// size, so that neighbours read neighbours.
// sums  a vector per work-item that depends on every bit read, so that no read can be left out.
// Prepend common/elements.
// gpu: -DVECTOR=4
#ifndef VECTOR
#define VECTOR 16 // floats of a read: 4, 8, 16; 4 on GPUs
#endif
typedef JOIN_WORDS(uint, VECTOR) bits;

__kernel void bench_read_bandwidth(int steps, long item_stride, long step_stride, __global const bits *restrict source,
                                   __global bits *restrict sums) {
  source += get_global_id(0) * item_stride;
  bits sum = 0;
  for (int s = 0; s < steps; s++) sum ^= source[s * step_stride];
  sums[get_global_id(0)] = sum;
}
