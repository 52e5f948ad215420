// Vectors as wide as the processor's registers, of doubles or of floats: loading, summing, exponential, logarithm.
//
// `vector.hpp` has vectors of eight doubles whatever the processor: the stack's answers are the same on all. Here speed
// decides, and the last bits are the instruction set's.
#pragma once
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace gmmkit {
namespace TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int BYTES = 64, REGISTERS = 32;
#elif defined(__AVX2__)
constexpr int BYTES = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int BYTES = 16, REGISTERS = 32;
#else
constexpr int BYTES = 16, REGISTERS = 16;
#endif

typedef double Doubles __attribute__((vector_size(BYTES)));
typedef float Floats __attribute__((vector_size(BYTES)));
typedef std::int64_t Longs __attribute__((vector_size(BYTES)));
typedef std::int32_t Ints __attribute__((vector_size(BYTES)));

template <typename T> struct Kind;
template <> struct Kind<double> {
    using V = Doubles;
    using I = Longs;
};
template <> struct Kind<float> {
    using V = Floats;
    using I = Ints;
};
template <typename T> using Lanes = typename Kind<T>::V;
template <typename T> constexpr int WIDTH = BYTES / int(sizeof(T));

// x less 0 is x, of either sign of 0: nothing is computed.
template <typename T> inline Lanes<T> all(T x) { return x - Lanes<T>{}; }

template <typename T> inline Lanes<T> get(const T* p) {
    Lanes<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline void put(double* p, Doubles v) { __builtin_memcpy(p, &v, sizeof v); }
inline void put(float* p, Floats v) { __builtin_memcpy(p, &v, sizeof v); }

#define INLINED __attribute__((always_inline))

template <typename Work, int... I>
INLINED inline void each_of(std::integer_sequence<int, I...>, Work&& work) {
    (work(std::integral_constant<int, I>()), ...);
}

// Call work(0) … work(N − 1), written out: what it indexes stays in registers.
template <int N, typename Work>
INLINED inline void each_of(Work&& work) {
    each_of(std::make_integer_sequence<int, N>(), work);
}

template <typename V> inline V greater(V a, V b) { return a > b ? a : b; }

// Memory that begins where a line of the cache does, so that no vector lies in two.
template <typename T>
struct Aligned {
    using value_type = T;
    Aligned() = default;
    template <typename U> Aligned(const Aligned<U>&) {}
    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
    void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
    template <typename U> bool operator==(const Aligned<U>&) const { return true; }
    template <typename U> bool operator!=(const Aligned<U>&) const { return false; }
};
template <typename T> using Array = std::vector<T, Aligned<T>>;

// To whole vectors.
template <typename T> constexpr int padded(int n) { return (n + WIDTH<T> - 1) / WIDTH<T> * WIDTH<T>; }

// Lane l of blocks of S lanes of two vectors in turn: the even blocks of both, or the odd ones.
constexpr int lane_of(int l, int s, bool odd, int width) {
    return l / s % 2 ? width + (l / s - 1 + odd) * s + l % s : (l / s + odd) * s + l % s;
}

// The lanes I of two vectors side by side.
template <typename T, int... I>
INLINED inline Lanes<T> shuffled(Lanes<T> a, Lanes<T> b, std::integer_sequence<int, I...>) {
    // Older compilers have only the second form.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define GMMKIT_SHUFFLES
#endif
#endif
#ifdef GMMKIT_SHUFFLES
    return __builtin_shufflevector(a, b, I...);
#else
    return __builtin_shuffle(a, b, typename Kind<T>::I{I...});
#endif
}

template <int S, bool ODD, typename T, int... L>
INLINED inline Lanes<T> blocks_of(Lanes<T> a, Lanes<T> b, std::integer_sequence<int, L...>) {
    return shuffled<T>(a, b, std::integer_sequence<int, lane_of(L, S, ODD, WIDTH<T>)...>());
}

template <int S, bool ODD, typename T>
INLINED inline Lanes<T> blocks_of(Lanes<T> a, Lanes<T> b) {
    return blocks_of<S, ODD, T>(a, b, std::make_integer_sequence<int, WIDTH<T>>());
}

// Every second lane of two vectors one after the other, in their order: the even ones, or the odd ones.
template <bool ODD, typename T, int... L>
INLINED inline Lanes<T> every_second(Lanes<T> a, Lanes<T> b, std::integer_sequence<int, L...>) {
    return shuffled<T>(a, b, std::integer_sequence<int, 2 * L + ODD...>());
}

template <bool ODD, typename T>
INLINED inline Lanes<T> every_second(Lanes<T> a, Lanes<T> b) {
    return every_second<ODD, T>(a, b, std::make_integer_sequence<int, WIDTH<T>>());
}

template <int S, typename T>
INLINED inline Lanes<T> folded(Lanes<T> a, Lanes<T> b) {
    return blocks_of<S, false, T>(a, b) + blocks_of<S, true, T>(a, b);
}

// Turn a square: lane i of vector j becomes lane j of vector i.
template <int S, typename T>
INLINED inline void transpose(Lanes<T>* v) {
    each_of<WIDTH<T>>([&](auto i) INLINED {
        if constexpr ((i & S) == 0) {
            const Lanes<T> even = blocks_of<S, false, T>(v[i], v[i + S]);
            v[i + S] = blocks_of<S, true, T>(v[i], v[i + S]);
            v[i] = even;
        }
    });
    if constexpr (S > 1) transpose<S / 2, T>(v);
}

// The sums of the lanes of as many vectors as there are lanes, in as many additions as a tree has.
template <int COUNT, typename T>
INLINED inline Lanes<T> sums_of_lanes(const Lanes<T>* v) {
    if constexpr (COUNT == 1) return v[0];
    else return folded<COUNT / 2, T>(sums_of_lanes<COUNT / 2, T>(v), sums_of_lanes<COUNT / 2, T>(v + COUNT / 2));
}

// Add the sums of the lanes of N vectors to N doubles, and zeros to those beyond, to whole vectors.
template <int N, typename T>
INLINED inline void add_sums(const Lanes<T>* v, double* to) {
    each_of<padded<T>(N) / WIDTH<T>>([&](auto part) INLINED {
        constexpr int start = part * WIDTH<T>;
        Lanes<T> lanes[WIDTH<T>];
        each_of<WIDTH<T>>([&](auto l) INLINED {
            if constexpr (start + l < N) lanes[l] = v[start + l];
            else lanes[l] = Lanes<T>{};
        });
        T sums[WIDTH<T>];
        put(sums, sums_of_lanes<WIDTH<T>, T>(lanes));
        for (int l = 0; l < WIDTH<T>; ++l) to[start + l] += double(sums[l]);
    });
}

// 1 / v for v from 1 on, to the last bit or two: Newton's steps from an estimate, in a third of a division's time.
inline Doubles reciprocal(Doubles v) {
#ifdef __AVX512F__
    Doubles x = (Doubles)_mm512_maskz_rcp14_pd(0xff, (__m512d)v);
    x += x * (1.0 - v * x);
    return x + x * (1.0 - v * x);
#else
    return 1.0 / v;
#endif
}

inline Floats reciprocal(Floats v) {
#ifdef __AVX512F__
    const Floats x = (Floats)_mm512_maskz_rcp14_ps(0xffff, (__m512)v);
    return x + x * (1.0f - v * x);
#else
    return 1.0f / v;
#endif
}

inline Doubles root(Doubles v) {
#ifdef __AVX512F__
    return (Doubles)_mm512_maskz_sqrt_pd(0xff, (__m512d)v);
#else
    for (int l = 0; l < WIDTH<double>; ++l) v[l] = __builtin_sqrt(v[l]);
    return v;
#endif
}

inline Floats root(Floats v) {
#ifdef __AVX512F__
    return (Floats)_mm512_maskz_sqrt_ps(0xffff, (__m512)v);
#else
    for (int l = 0; l < WIDTH<float>; ++l) v[l] = __builtin_sqrtf(v[l]);
    return v;
#endif
}

template <typename T>
inline double sum_of(Lanes<T> v) {
    double sum = 0.0;
    for (int l = 0; l < WIDTH<T>; ++l) sum += double(v[l]);
    return sum;
}

// exp of N vectors x ≤ 0, each within 5e-16 of itself; 0 below −690, where products would become subnormal numbers,
// which are many times slower. x = n ln 2 + r, and a polynomial of least largest relative error (2.9e-16) on
// |r| ≤ ln 2 / 2. That ln 2 is rounded costs 2e-17 n: where n is large, exp(x) is nothing beside 1. Several in step do
// not wait for each other, as the steps of one do.
template <int N>
INLINED inline void exponentials(Doubles* x) {
    const Doubles shift = all<double>(6755399441055744.0);  // 1.5 · 2⁵²: adding it rounds to an integer
    constexpr double SERIES[] = {2.7634990577209072012e-6, 2.4801931720618971392e-5, 1.9841185236734157529e-4,
                                 1.3888888516227077819e-3, 8.333333370869705052e-3,  4.1666666668136470854e-2,
                                 1.6666666666611555854e-1, 4.9999999999998324327e-1, 1.0,
                                 1.0};
    Doubles k[N], n[N], r[N], p[N];
#ifdef __AVX512F__
    __mmask8 some[N];  // told first: x need not be kept
#endif
    each_of<N>([&](auto i) INLINED {
#ifdef __AVX512F__
        const Doubles near = x[i];  // what is not a number, or rounds to none, is masked
        some[i] = _mm512_cmp_pd_mask((__m512d)near, _mm512_set1_pd(-690.0), _CMP_GE_OQ);
#else
        const Doubles near = greater(x[i], all<double>(-690.0));
#endif
        k[i] = near * 1.4426950408889634074 + shift;
        n[i] = k[i] - shift;
        r[i] = near - n[i] * 6.9314718055994530942e-01;
        p[i] = all<double>(2.7476795347842264527e-7);
    });
    each_of<10>([&](auto power) INLINED {
        each_of<N>([&](auto i) INLINED { p[i] = p[i] * r[i] + SERIES[power]; });
    });
    each_of<N>([&](auto i) INLINED {
#ifdef __AVX512F__
        x[i] = (Doubles)_mm512_maskz_scalef_pd(some[i], (__m512d)p[i], (__m512d)n[i]);
#else
        const Doubles value = p[i] * (Doubles)(((Longs)k[i] << 52) + (Longs)all<double>(1.0));
        x[i] = x[i] < -690.0 ? all<double>(0.0) : value;
#endif
    });
}

template <int N>
INLINED inline void exponentials(Floats* x) {
    const Floats shift = all<float>(12582912.0f);  // 1.5 · 2²³
    constexpr float SERIES[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                                5.0000001201e-1f};
    Floats k[N], n[N], r[N], p[N];
    each_of<N>([&](auto i) INLINED {
#ifdef __AVX512F__
        const Floats near = x[i];
#else
        const Floats near = greater(x[i], all<float>(-80.0f));
#endif
        k[i] = near * 1.44269504f + shift;
        n[i] = k[i] - shift;
        r[i] = (near - n[i] * 0.693359375f) - n[i] * -2.12194440e-4f;  // in floats n ln 2 is needed in two parts
        p[i] = all<float>(1.9875691500e-4f);
    });
    each_of<5>([&](auto power) INLINED {
        each_of<N>([&](auto i) INLINED { p[i] = p[i] * r[i] + SERIES[power]; });
    });
    each_of<N>([&](auto i) INLINED {
        p[i] = p[i] * (r[i] * r[i]) + r[i] + 1.0f;
#ifdef __AVX512F__
        const __mmask16 some = _mm512_cmp_ps_mask((__m512)x[i], _mm512_set1_ps(-80.0f), _CMP_GE_OQ);
        x[i] = (Floats)_mm512_maskz_scalef_ps(some, (__m512)p[i], (__m512)n[i]);
#else
        const Floats value = p[i] * (Floats)(((Ints)k[i] << 23) + (Ints)all<float>(1.0f));
        x[i] = x[i] < -80.0f ? all<float>(0.0f) : value;
#endif
    });
}

template <typename V>
INLINED inline V exponential(V x) {
    exponentials<1>(&x);
    return x;
}

// log(x) for normal x > 0, within 1 unit in the last place or so: x = 2ᵏ m, m in [√½, √2), and
// log m = 2 artanh(s), s = (m − 1) / (m + 1).
inline Doubles logarithm(Doubles x) {
    const Longs bits = (Longs)x, root = (Longs)all<double>(0.70710678118654752440);
    const Longs exponent = (bits - root) >> 52;
    const Doubles m = (Doubles)(bits - (exponent << 52)), s = (m - 1.0) / (m + 1.0), t = s * s;
    Doubles p = all<double>(2.0 / 21.0);
    p = p * t + 2.0 / 19.0;
    p = p * t + 2.0 / 17.0;
    p = p * t + 2.0 / 15.0;
    p = p * t + 2.0 / 13.0;
    p = p * t + 2.0 / 11.0;
    p = p * t + 2.0 / 9.0;
    p = p * t + 2.0 / 7.0;
    p = p * t + 2.0 / 5.0;
    p = p * t + 2.0 / 3.0;
    const Doubles k = __builtin_convertvector(exponent, Doubles);
    return k * 6.93147180369123816490e-01 + (2.0 * s + (s * t * p + k * 1.90821492927058770002e-10));
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
