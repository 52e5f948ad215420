// Vectors as wide as the processor's registers, of doubles or of floats: loading, summing, powers, logarithms.
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
#ifdef __AVX2__
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
typedef std::uint64_t Words __attribute__((vector_size(BYTES)));
typedef std::uint32_t HalfWords __attribute__((vector_size(BYTES)));

template <typename T> struct Kind;
template <> struct Kind<double> {
    using V = Doubles;
    using I = Longs;
    using Bits = Words;
};
template <> struct Kind<float> {
    using V = Floats;
    using I = Ints;
    using Bits = HalfWords;
};
template <typename T> using Lanes = typename Kind<T>::V;
template <typename T> constexpr int WIDTH = BYTES / int(sizeof(T));

constexpr double LOG2_E = 1.44269504088896340736, LOG_2 = 0.69314718055994530942;

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

// The greater of two; b where one is no number. Compilers make two operations of it, processors have one.
template <typename V> inline V greater(V a, V b) { return a > b ? a : b; }
#if defined(__AVX512F__)
inline Doubles greater(Doubles a, Doubles b) { return (Doubles)_mm512_maskz_max_pd(0xff, (__m512d)a, (__m512d)b); }
inline Floats greater(Floats a, Floats b) { return (Floats)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b); }
#elif defined(__AVX2__)
inline Doubles greater(Doubles a, Doubles b) { return (Doubles)_mm256_max_pd((__m256d)a, (__m256d)b); }
inline Floats greater(Floats a, Floats b) { return (Floats)_mm256_max_ps((__m256)a, (__m256)b); }
#endif

// Leave a value in its register: where few are used compilers load it again for each use, and loads are waited for.
template <typename V> INLINED inline void keep(V& v) {
#if defined(__AVX2__) && !defined(__AVX512F__)
    asm("" : "+x"(v));
#else
    (void)v;
#endif
}

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

// The numbers of a vector, or of half a vector of floats, in doubles.
template <int PART>
INLINED inline Doubles doubles_of(Doubles v) { return v; }
template <int PART>
INLINED inline Doubles doubles_of(Floats v) {
    float values[WIDTH<float>];
    put(values, v);
    typedef float Half __attribute__((vector_size(BYTES / 2)));
    Half half;
    __builtin_memcpy(&half, values + PART * WIDTH<double>, sizeof half);
    return __builtin_convertvector(half, Doubles);
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

// 1 / v for a normal v > 0, to the last bit or two: Newton's steps from an estimate, in a third of a division's time.
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

// 2ˣ of N vectors, to 4e-16 of itself (floats: to their last bit or two); 0 below LEAST, where products would become
// subnormal numbers, which are many times slower. x = n + r with a whole n, and a polynomial of least largest relative
// error (2.2e-16; 2e-9) on 0 ≤ r ≤ 1. Several in step do not wait for each other, as the steps of one do.
template <typename T> struct Power;
template <> struct Power<double> {
    static constexpr double SERIES[] = {9.9354916292306889507e-9, 9.469574926599078432e-8,  1.3310815903976950737e-6,
                                        1.5244894151146402866e-5, 1.5403939844828800189e-4, 1.3333544565783724684e-3,
                                        9.6181293845609572984e-3, 5.5504108632573025128e-2, 2.4022650696094749456e-1,
                                        6.9314718055990898193e-1, 1.0};
    static constexpr int DEGREE = 10, MANTISSA = 52;
    static constexpr double SHIFT = 6755399441055744.0, LEAST = -1000.0;  // 1.5 · 2⁵²: adding it rounds to an integer
};
template <> struct Power<float> {
    static constexpr float SERIES[] = {2.1565984935e-4f, 1.2482288294e-3f, 9.6737751737e-3f, 5.5486183614e-2f,
                                       2.4022908509e-1f, 6.9314706326e-1f, 1.0f};
    static constexpr int DEGREE = 6, MANTISSA = 23;
    static constexpr float SHIFT = 12582912.0f, LEAST = -120.0f;  // 1.5 · 2²³
};

#ifdef __AVX512F__
// x less its floor; and p · 2 to the floor of x, or 0 where x is below a bound or no number.
inline Doubles fraction(Doubles x) { return (Doubles)_mm512_maskz_reduce_pd(0xff, (__m512d)x, 9); }
inline Floats fraction(Floats x) { return (Floats)_mm512_maskz_reduce_ps(0xffff, (__m512)x, 9); }
inline Doubles scaled(Doubles p, Doubles x, double least) {
    const __mmask8 some = _mm512_cmp_pd_mask((__m512d)x, _mm512_set1_pd(least), _CMP_GE_OQ);
    return (Doubles)_mm512_maskz_scalef_pd(some, (__m512d)p, (__m512d)x);
}
inline Floats scaled(Floats p, Floats x, float least) {
    const __mmask16 some = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(least), _CMP_GE_OQ);
    return (Floats)_mm512_maskz_scalef_ps(some, (__m512)p, (__m512)x);
}
#endif

template <int N, typename T>
INLINED inline void powers_of_two(Lanes<T>* x) {
    using P = Power<T>;
    Lanes<T> r[N], p[N];
#ifndef __AVX512F__
    Lanes<T> n[N];
#endif
    each_of<N>([&](auto i) INLINED {
#ifdef __AVX512F__
        r[i] = fraction(x[i]);
#else
        n[i] = (x[i] - T(0.5)) + P::SHIFT;
        r[i] = x[i] - (n[i] - P::SHIFT);
#endif
        p[i] = all<T>(P::SERIES[0]);
    });
    each_of<P::DEGREE>([&](auto power) INLINED {
        each_of<N>([&](auto i) INLINED { p[i] = p[i] * r[i] + P::SERIES[power + 1]; });
    });
    each_of<N>([&](auto i) INLINED {
#ifdef __AVX512F__
        x[i] = scaled(p[i], x[i], P::LEAST);
#else
        using Bits = typename Kind<T>::Bits;  // where x is too small they run over, for nothing
        const Lanes<T> value = p[i] * (Lanes<T>)(((Bits)n[i] << P::MANTISSA) + (Bits)all<T>(T(1)));
        x[i] = x[i] >= P::LEAST ? value : all<T>(T(0));
#endif
    });
}

// Whether a number is below a bound, or is none.
template <typename T>
INLINED inline bool any_below(Lanes<T> v, T bound) {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<T, double>)
        return _mm512_cmp_pd_mask((__m512d)v, _mm512_set1_pd(bound), _CMP_NGE_UQ) != 0;
    else return _mm512_cmp_ps_mask((__m512)v, _mm512_set1_ps(bound), _CMP_NGE_UQ) != 0;
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<T, double>) return _mm256_movemask_pd((__m256d)(v >= bound)) != 0xf;
    else return _mm256_movemask_ps((__m256)(v >= bound)) != 0xff;
#else
    const auto enough = v >= bound;
    bool below = false;
    for (int l = 0; l < WIDTH<T>; ++l) below |= !enough[l];
    return below;
#endif
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

// Σ log of the vectors of a tile, of normal numbers above 0, and of powers of two: one logarithm of the product of what
// remains of them without their powers of two, which are counted. What is no number the powers must tell.
template <typename T>
struct Logarithms {
    using I = typename Kind<T>::I;

    Lanes<T> product = all<T>(T(1));
    I exponents = {};
    Doubles powers = {};
    int count = 0;

    INLINED inline void add(Lanes<T> v) {
        exponents += (I)v >> Power<T>::MANTISSA;
        product *= mantissa(v);
        ++count;
    }
    INLINED inline void add_powers(Lanes<T> v) {
        each_of<WIDTH<T> / WIDTH<double>>([&](auto part) INLINED { powers += doubles_of<part>(v); });
    }
    double sum() const {
        constexpr int BIAS = std::numeric_limits<T>::max_exponent - 1;
        double whole = sum_of<double>(powers);
        for (int l = 0; l < WIDTH<T>; ++l) whole += double(exponents[l] - std::int64_t(BIAS) * count);
        Doubles logs = {};
        each_of<WIDTH<T> / WIDTH<double>>([&](auto part) INLINED { logs += logarithm(doubles_of<part>(product)); });
        return sum_of<double>(logs) + whole * LOG_2;
    }

    static INLINED inline Lanes<T> mantissa(Lanes<T> v) {
#ifdef __AVX512F__
        if constexpr (std::is_same_v<T, double>)
            return (Doubles)_mm512_maskz_getmant_pd(0xff, (__m512d)v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
        else return (Floats)_mm512_maskz_getmant_ps(0xffff, (__m512)v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
#else
        const I one = (I)all<T>(T(1)), ends = ((I{} + 1) << Power<T>::MANTISSA) - 1;
        return (Lanes<T>)(((I)v & ends) | one);
#endif
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
