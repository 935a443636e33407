// SPDX-License-Identifier: Apache-2.0
// common/logits: what becomes of a score or logit before it is compared or summed. OpenCL C and C.
// Prepend common/elements, common/functions.

// x * scale, or cap * tanh(x * scale) where cap is not 0; the scale has 1 / cap in it then.
INLINE floats capped(floats x, float scale, float cap) {
  x = x * scale;
  return cap != 0 ? cap * portable_tanh(x) : x;
}
