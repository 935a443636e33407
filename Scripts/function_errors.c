// SPDX-License-Identifier: Apache-2.0
// The largest errors of Kernels/common/functions against f64, over every float. Run by Scripts/function-errors.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16
#define HAS_FMA 1
#define HAS_F16 1
#include "../Sources/CShardHost/functions.h"

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double rsqrt(double x) { return 1 / sqrt(x); }
static vec reciprocal(vec x) { return portable_divide(EACH(1.0f), x); }
static double exact_reciprocal(double x) { return 1 / x; }
static vec decay(vec x) { return portable_decay(-magnitude(x)); }
static double exact_decay(double x) { return fabs(x) > 87 ? 0 : exp(-fabs(x)); }

static const struct {
  const char *name;
  vec (*function)(vec);
  double (*exact)(double);
} functions[] = {
    {"exp", portable_exp, exp},
    {"decay", decay, exact_decay},
    {"log", portable_log, log},
    {"rsqrt", portable_rsqrt, rsqrt},
    {"tanh", portable_tanh, tanh},
    {"erf", portable_erf, erf},
    {"sigmoid", portable_sigmoid, sigmoid},
    {"reciprocal", reciprocal, exact_reciprocal},
};

// |found - exact| in units in the last place of the float next to `exact`; infinite where only one is not finite.
static double error(float found, double exact) {
  if (isnan(exact) || isnan(found))
    return isnan(exact) && isnan(found) ? 0 : INFINITY;
  const float nearest = (float)exact;
  if (isinf(nearest) || isinf(found))
    return nearest == found ? 0 : fabsf(nearest) == 0x1.fffffep127f || fabsf(found) == 0x1.fffffep127f ? 1 : INFINITY;
  int exponent;
  frexp(exact, &exponent);
  return fabs(found - exact) / ldexp(1, exponent - 24 < -149 || exact == 0 ? -149 : exponent - 24);
}

static bool is_subnormal(double x) { return fabs(x) < 0x1p-126; }

static void all_floats(const char *name, vec (*function)(vec), double (*exact)(double)) {
  double largest[2] = {0, 0}; // of normal results, of subnormal ones
  float where[2] = {0, 0};
  bool signs = true;
  for (uint64_t first = 0; first < UINT64_C(1) << 32; first += LANES) {
    vec x;
    for (int lane = 0; lane < LANES; lane++)
      x[lane] = from_bits((uint32_t)first + (uint32_t)lane);
    const vec y = function(x);
    for (int lane = 0; lane < LANES; lane++) {
      const double expected = exact(x[lane]), e = error(y[lane], expected);
      const int kind = is_subnormal(expected);
      signs = signs && (isnan(expected) || signbit(expected) == signbit(y[lane]));
      if (e > largest[kind]) {
        largest[kind] = e;
        where[kind] = x[lane];
      }
    }
  }
  printf("%-10s  %.4f ulp at %a, subnormal results %.4f at %a%s\n", name, largest[0], where[0], largest[1], where[1],
         signs ? "" : ", wrong signs");
}

// Quotients that are normal must be the nearest floats.
static void quotients(uint64_t count) {
  uint64_t state = 1, different = 0;
  double subnormal = 0;
  for (uint64_t i = 0; i < count; i += LANES) {
    vec a, b;
    for (int lane = 0; lane < LANES; lane++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const uint32_t random = (uint32_t)(state >> 32);
      state = state * 6364136223846793005u + 1442695040888963407u;
      a[lane] = from_bits(random);
      // Every eighth divisor is the one that Markstein's theorem leaves out: a significand of ones alone.
      b[lane] = from_bits(i / LANES % 8 ? (uint32_t)(state >> 32) : 0x3fffffffu);
    }
    const vec q = portable_divide(a, b);
    for (int lane = 0; lane < LANES; lane++) {
      const float expected = a[lane] / b[lane];
      if (is_subnormal(expected) && expected != 0)
        subnormal = fmax(subnormal, error(q[lane], (double)a[lane] / (double)b[lane]));
      else
        different += error(q[lane], (double)a[lane] / (double)b[lane]) > 0.5000001;
    }
  }
  printf("divide      %llu of %llu normal quotients are not the nearest, subnormal ones are off by up to %.4f ulp\n",
         (unsigned long long)different, (unsigned long long)count, subnormal);
}

// 1 / d of every significand: what the theorem asks for, but for the last.
static void reciprocals(void) {
  uint32_t different = 0;
  for (uint32_t bits = 0x3f800000; bits < 0x40000000; bits += LANES) {
    vec d;
    for (int lane = 0; lane < LANES; lane++)
      d[lane] = from_bits(bits + (uint32_t)lane);
    vec r = as_floats(0x7ef311c7u - as_uints(d));
    for (int step = 0; step < 2; step++) {
      const vec e = FMA(-d, r, EACH(1.0f));
      r = FMA(FMA(e, e, e), r, r);
    }
    r = FMA(FMA(-d, r, EACH(1.0f)), r, r);
    for (int lane = 0; lane < LANES; lane++)
      different += r[lane] != 1 / d[lane];
  }
  printf("1 / d of significands: %u of 8388608 differ\n", different);
}

int main(int count, char **arguments) {
  const char *only = count > 1 ? arguments[1] : "";
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
    if (!*only || strcmp(only, functions[i].name) == 0)
      all_floats(functions[i].name, functions[i].function, functions[i].exact);
  if (!*only || strcmp(only, "divide") == 0) {
    reciprocals();
    quotients(UINT64_C(1) << 30);
  }
}
