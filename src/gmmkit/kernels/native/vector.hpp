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

static inline double smallest(Vector v) {
    double least = v[0];
    for (int i = 1; i < LANES; ++i) least = v[i] < least ? v[i] : least;
    return least;
}

static inline Vector root(Vector v) {
    Vector answer;
    for (int i = 0; i < LANES; ++i) answer[i] = __builtin_sqrt(v[i]);
    return answer;
}

// Whether all are positive numbers.
static inline bool all_positive(Vector v) {
    const Integers good = (v > 0.0) & (v < 1.7976931348623157e308);
    std::int64_t every = -1;
    for (int i = 0; i < LANES; ++i) every &= good[i];
    return every != 0;
}

static inline Vector magnitude(Vector v) { return v < 0.0 ? -v : v; }

// exp(x) for x ≤ 700, within 2 units in the last place; 0 below −690, where products would become subnormal numbers,
// which are many times slower. Cody & Waite reduction, polynomial of least largest error (3e-18) on |r| ≤ ln 2 / 2.
static inline Vector exponential(Vector x) {
    const Vector shift = broadcast(6755399441055744.0);  // 1.5 · 2⁵²: adding it rounds to an integer
    const Vector k = larger(x, broadcast(-690.0)) * 1.4426950408889634074 + shift;
    const Vector whole = k - shift;
    const Vector r = (larger(x, broadcast(-690.0)) - whole * 6.93147180369123816490e-01) - whole * 1.90821492927058770002e-10;
    Vector p = broadcast(2.5110037605963777712e-8);
    p = p * r + 2.7632639639041029749e-7;
    p = p * r + 2.7557240918578969823e-6;
    p = p * r + 2.4801485482328492419e-5;
    p = p * r + 1.9841269890047113707e-4;
    p = p * r + 1.3888888952314774652e-3;
    p = p * r + 8.3333333333196006109e-3;
    p = p * r + 4.1666666666488095495e-2;
    p = p * r + 1.6666666666666680806e-1;
    p = p * r + 5.0000000000000183855e-1;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const Vector value = p * (Vector)(((Integers)k << 52) + (Integers)broadcast(1.0));
    return x < -690.0 ? broadcast(0.0) : value;
}

// log(x) for normal x > 0, within 1 unit in the last place or so: x = 2ᵏ m, m in [√½, √2), and
// log m = 2 artanh(s), s = (m − 1) / (m + 1).
static inline Vector logarithm(Vector x) {
    const Integers bits = (Integers)x;
    const Integers root = (Integers)broadcast(0.70710678118654752440);
    const Integers biased = bits - root;
    const Integers exponent = biased >> 52;
    const Vector m = (Vector)(bits - (exponent << 52));
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
