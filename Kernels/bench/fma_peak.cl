// SPDX-License-Identifier: Apache-2.0
// bench/fma_peak: the fma rate of a device, with nothing read. Every work-item runs CHAINS chains of `steps`
// dependent fma of VECTOR floats: 2 * steps * CHAINS * VECTOR floating-point operations. Any global and work-group
// size; on CPU devices one item a core.
// sums  a vector per work-item, the sum of its chains, so that none can be left out. |factor| < 1 keeps it finite.
// Prepend common/elements.
// gpu: -DVECTOR=1 -DCHAINS=8
#ifndef VECTOR
#define VECTOR 16 // floats of a vector register: 4, 8, 16 on CPU devices, 1 on GPUs
#endif
#ifndef CHAINS
#define CHAINS 24 // more than fma latency * fma per cycle, fewer than vector registers: 24 of 32, 12 of 16
#endif
#if VECTOR == 1
typedef float vector;
#else
typedef JOIN_WORDS(float, VECTOR) vector;
#endif

__kernel void bench_fma_peak(int steps, float factor, float addend, __global vector *sums) {
  const vector x = (vector)(factor), y = (vector)(addend);
  vector chain[CHAINS];
  _Pragma("unroll") for (int i = 0; i < CHAINS; i++) chain[i] = (vector)((float)get_global_id(0) + i);
  for (int step = 0; step < steps; step++) {
    _Pragma("unroll") for (int i = 0; i < CHAINS; i++) chain[i] = fma(chain[i], x, y);
  }
  _Pragma("unroll") for (int i = 1; i < CHAINS; i++) chain[0] += chain[i];
  sums[get_global_id(0)] = chain[0];
}
