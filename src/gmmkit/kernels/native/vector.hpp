// Eight doubles at a time, in whatever registers the instruction set has; exponential and logarithm of them.
#pragma once
#include <cstdint>

namespace gmmkit {

constexpr int LANES = 8;
typedef double Vector __attribute__((vector_size(64)));
typedef std::int64_t Integers __attribute__((vector_size(64)));

static inline Vector broadcast(double x) { return Vector{x, x, x, x, x, x, x, x}; }

static inline Vector load(const double* p) {
    Vector v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(double* p, Vector v) { __builtin_memcpy(p, &v, sizeof v); }

static inline double sum(Vector v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }

static inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

// exp(x) for x ≤ 0, within 2 units in the last place; 0 below −690, where products would become subnormal numbers,
// which are many times slower. Cody & Waite reduction, Taylor polynomial on |r| ≤ ln 2 / 2.
static inline Vector exponential(Vector x) {
    const Vector shift = broadcast(6755399441055744.0);  // 1.5 · 2⁵²: adding it rounds to an integer
    Vector y = larger(x, broadcast(-690.0));
    Vector k = y * 1.4426950408889634074 + shift;
    const Integers bits = (Integers)k;
    k = k - shift;
    Vector r = y - k * 6.93147180369123816490e-01;
    r = r - k * 1.90821492927058770002e-10;
    Vector p = broadcast(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const Vector scale = (Vector)((bits << 52) + (Integers)broadcast(1.0));
    const Vector value = p * scale;
    return x < broadcast(-690.0) ? broadcast(0.0) : value;
}

// log(x) for normal x > 0, within 1 unit in the last place or so: x = 2ᵏ m, m in [√½, √2), and
// log m = 2 artanh(s), s = (m − 1) / (m + 1).
static inline Vector logarithm(Vector x) {
    const Integers bits = (Integers)x;
    const Integers one = (Integers)broadcast(1.0);
    const Integers root = (Integers)broadcast(0.70710678118654752440);
    const Integers biased = bits - root;
    const Integers exponent = biased >> 52;
    const Vector m = (Vector)(bits - (exponent << 52));
    (void)one;
    const Vector s = (m - 1.0) / (m + 1.0);
    const Vector t = s * s;
    Vector p = broadcast(2.0 / 21.0);
    p = p * t + 2.0 / 19.0;
    p = p * t + 2.0 / 17.0;
    p = p * t + 2.0 / 15.0;
    p = p * t + 2.0 / 13.0;
    p = p * t + 2.0 / 11.0;
    p = p * t + 2.0 / 9.0;
    p = p * t + 2.0 / 7.0;
    p = p * t + 2.0 / 5.0;
    p = p * t + 2.0 / 3.0;
    const Vector k = __builtin_convertvector(exponent, Vector);
    return k * 6.93147180369123816490e-01 + (2.0 * s + (s * t * p + k * 1.90821492927058770002e-10));
}

}  // namespace gmmkit
