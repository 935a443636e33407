// SPDX-License-Identifier: Apache-2.0
// common/epilogue: what a product of which all leaves are here does with v = alpha * sum + beta * C, where EPILOGUE:
//   v += bias[bias_offset + j]; v = activation(v); v += residual[residual_offset + i * ldr + j]
// Where GATED, C is m x n / 2 and beta 0: c[i, j] = activation(v[i, 2j]) * v[i, 2j + 1] + residual[i, j].
// A product kernel ends its list of arguments with EPILOGUE_ARGUMENTS, and FUNCTION_LANES (common/functions) is its
// vector.
// Prepend common/elements, common/functions.
#ifndef EPILOGUE
#define EPILOGUE 0 // whether there is one
#endif
#ifndef ACTIVATION
#define ACTIVATION NONE // NONE, RELU, RELU_SQUARED, SILU, GELU, GELU_TANH
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef HAS_RESIDUAL
#define HAS_RESIDUAL 0
#endif
#ifndef GATED
#define GATED 0
#endif
#define ACTIVATE(v) JOIN_WORDS(activation_, ACTIVATION)(v)
#define OUT(j) ((j) / (1 + GATED)) // the column of C that column j of the sums becomes, with its neighbour where GATED

#if EPILOGUE
// Bias and residual from a place of C on.
typedef struct {
  __global const float *bias, *residual;
  long ldr;
} epilogue;
#define EPILOGUE_ARGUMENTS                                                                                             \
  , __global const float *restrict bias, long bias_offset, __global const float *restrict residual,                    \
      long residual_offset, long ldr, long bias_batch, long residual_batch
// The epilogue of what begins with row i and column j of the sums; launch dimension 2 counts the products of a batch,
// whose operands lie bias_batch and residual_batch elements apart.
#define EPILOGUE_AT(i, j)                                                                                              \
  {                                                                                                                    \
    bias + bias_offset + get_global_id(2) * bias_batch + (j),                                                          \
        residual + residual_offset + get_global_id(2) * residual_batch + (i) * ldr + OUT(j), ldr                       \
  }
#define EPILOGUE_FROM(i, j) , (epilogue) EPILOGUE_AT(i, j) // ends a list of values
#define EPILOGUE_PARAMETER , epilogue e // ends a function's parameters
#define EPILOGUE_VALUE , e // hands it on

// v before the activation: `count` sums from column j on, and from c[OUT(j)] on.
INLINE floats biased(floats sum, int count, float alpha, float beta, int j, __global const float *c, epilogue e) {
  floats v = alpha * sum;
  if (!GATED && beta != 0) v = fma((floats)(beta), load_floats(c + j, count), v);
  return HAS_BIAS ? v + load_floats(e.bias + j, count) : v;
}

#if FUNCTION_LANES > 1
// Finishes and stores `count` sums of row i from column j on, counted from where c and e are.
INLINE void store_finished(floats sum, int count, float alpha, float beta, int i, int j, __global float *c, long ldc,
                           epilogue e) {
  c += i * ldc;
  const floats v = biased(sum, count, alpha, beta, j, c, e), activated = ACTIVATE(v);
  __global const float *residual = e.residual + i * e.ldr + OUT(j);
  c += OUT(j);
#if GATED
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } gate, up;
  gate.vector = activated;
  up.vector = v;
  for (int t = 0; t < FUNCTION_LANES; t += 2)
    if (t < count) {
      const float x = gate.element[t] * up.element[t + 1];
      c[t / 2] = HAS_RESIDUAL ? x + residual[t / 2] : x;
    }
#else
  store_floats(HAS_RESIDUAL ? activated + load_floats(residual, count) : activated, c, count);
#endif
}
#endif
#else
#define EPILOGUE_ARGUMENTS
#define EPILOGUE_FROM(i, j)
#define EPILOGUE_PARAMETER
#define EPILOGUE_VALUE

INLINE void store_element(float sum, float alpha, float beta, __global float *c) {
  const float v = alpha * sum;
  *c = beta == 0 ? v : fma(beta, *c, v);
}

// Without an epilogue, for kernels whose vector has four floats.
INLINE void store_finished(float4 sum, int count, float alpha, float beta, int i, int j, __global float *c, long ldc) {
  c += i * ldc + j;
  if (count > 0) store_element(sum.s0, alpha, beta, c);
  if (count > 1) store_element(sum.s1, alpha, beta, c + 1);
  if (count > 2) store_element(sum.s2, alpha, beta, c + 2);
  if (count > 3) store_element(sum.s3, alpha, beta, c + 3);
}
#endif
