// What one core of this processor can do, in units of a pass of EM: fused multiply-adds, exponentials, bytes read.
// Everything stays in registers but what is read. Processor time of this thread, median of several short rounds: passes
// are told by their median, too, and a machine that is shared slows both alike.
// Printed as JSON: per second, for float64 and float32.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#define REGISTER "v"
#else
#define REGISTER "w"
#endif

namespace {

#if defined(__AVX512F__)
constexpr int BYTES = 64, CHAINS = 16, TOGETHER = 4;
constexpr const char* SET = "AVX-512";
#elif defined(__AVX2__)
constexpr int BYTES = 32, CHAINS = 12, TOGETHER = 4;
constexpr const char* SET = "AVX2";
#else
constexpr int BYTES = 16, CHAINS = 12, TOGETHER = 4;
constexpr const char* SET = "128-bit vectors";
#endif
constexpr int ROUNDS = 9;

template <class T> struct Lanes;
template <> struct Lanes<double> {
    typedef double V __attribute__((vector_size(BYTES)));
    typedef int64_t I __attribute__((vector_size(BYTES)));
};
template <> struct Lanes<float> {
    typedef float V __attribute__((vector_size(BYTES)));
    typedef int32_t I __attribute__((vector_size(BYTES)));
};

double seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Of many rounds; the first warms up.
template <class Round> double median(Round round) {
    round();
    double found[ROUNDS];
    for (double& value : found) value = round();
    std::nth_element(found, found + ROUNDS / 2, found + ROUNDS);
    return found[ROUNDS / 2];
}

// Loops are functions of their own: what stands around them would cost them registers.
#define ALONE __attribute__((noinline))

// The compiler must take a value to be needed and unknown, so that nothing is left out or done once for all.
template <class V> inline void used(V& value) { asm volatile("" : "+" REGISTER(value)); }

// Indices that the compiler knows (fold expressions, no loops) keep arrays of vectors in registers.
template <class T, size_t... J> ALONE double multiply_adds(std::index_sequence<J...>) {
    using V = typename Lanes<T>::V;
    constexpr long TIMES = 2'000'000;
    V factor = V{} + T(1.0000001), term = V{} + T(1e-9);
    used(factor), used(term);
    V sums[] = {(void(J), factor)...};
    const double begun = seconds();
    for (long i = 0; i < TIMES; ++i) {
        ((sums[J] = sums[J] * factor + term), ...);
        (used(sums[J]), ...);
    }
    return double(TIMES) * sizeof...(J) * (BYTES / sizeof(T)) / (seconds() - begun);
}

// Cody & Waite (1980): x = n log 2 + r, |r| <= log(2) / 2, and a polynomial in r. Coefficients are those of least
// relative error (Remez): 3e-18 in degree 11, 8e-8 in degree 5, below the rounding of double and about that of float.
template <class T> struct Exponential;
template <> struct Exponential<double> {
    static constexpr double MAGIC = 0x1.8p52, HIGH = 0x1.62e42fefa3800p-1, LOW = 0x1.ef35793c76730p-45;
    static constexpr int MANTISSA = 52;
    static constexpr double C[] = {0.9999999999999999971,   1.0000000000000000304,    0.50000000000000177031,
                                   0.16666666666666168204,  0.041666666666492629684,  0.008333333333559433932,
                                   0.0013888888951261041615, 0.00019841269432470488344, 2.4801486481436400871e-5,
                                   2.755762262047198039e-6, 2.7632308174894485818e-7, 2.4994303274813814395e-8};
};
template <> struct Exponential<float> {
    static constexpr float MAGIC = 0x1.8p23f, HIGH = 0x1.62e400p-1f, LOW = 0x1.7f7d1cp-20f;
    static constexpr int MANTISSA = 23;
    static constexpr float C[] = {1.00000007208f,  0.999999690146f,  0.499988904675f,
                                  0.166675783544f, 0.0419158766811f, 0.00829758413888f};
};

// Several vectors go through the polynomial together: a step of one is hidden behind those of the others.
template <class T, size_t... J>
inline void exponential(typename Lanes<T>::V (&x)[sizeof...(J)], std::index_sequence<J...>) {
    using E = Exponential<T>;
    using V = typename Lanes<T>::V;
    constexpr int DEGREE = int(sizeof(E::C) / sizeof(T)) - 1;
    V shifted[] = {(x[J] * T(1.4426950408889634) + E::MAGIC)...};
    V n[] = {(shifted[J] - E::MAGIC)...};
    V r[] = {(x[J] - n[J] * E::HIGH)...};
    ((r[J] = r[J] - n[J] * E::LOW), ...);
    V p[] = {(r[J] * E::C[DEGREE] + E::C[DEGREE - 1])...};
#pragma GCC unroll 16
    for (int i = DEGREE - 2; i >= 0; --i) ((p[J] = p[J] * r[J] + E::C[i]), ...);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 8) ((x[J] = V(_mm512_scalef_pd(__m512d(p[J]), __m512d(n[J])))), ...);
    else ((x[J] = V(_mm512_scalef_ps(__m512(p[J]), __m512(n[J])))), ...);
#else
    using I = typename Lanes<T>::I;
    ((x[J] = V(I(p[J]) + (I(shifted[J]) << E::MANTISSA))), ...);
#endif
}

template <class T, size_t... J> ALONE double exponentials(std::index_sequence<J...> together) {
    using V = typename Lanes<T>::V;
    constexpr long TIMES = 400'000;
    V x[] = {(V{} - T(0.37) * T(J + 1))...};
    const double begun = seconds();
    for (long i = 0; i < TIMES; ++i) {
        V some[] = {x[J]...};
        (used(some[J]), ...);
        exponential<T>(some, together);
        (used(some[J]), ...);
    }
    return double(TIMES) * sizeof...(J) * (BYTES / sizeof(T)) / (seconds() - begun);
}

// Largest relative error against the C library, so that speed is not bought with wrong digits.
template <class T> double largest_error() {
    double worst = 0;
    for (double x = -80; x <= 0; x += 0.00037) {
        typename Lanes<T>::V at[] = {typename Lanes<T>::V{} + T(x)};
        const double exact = std::exp(double(T(x)));
        exponential<T>(at, std::make_index_sequence<1>());
        worst = std::max(worst, std::abs(double(at[0][0]) - exact) / exact);
    }
    return worst;
}

ALONE double bytes_read(const std::vector<double>& rows) {
    using V = Lanes<double>::V;
    V sums[8] = {};
    const double begun = seconds();
    for (size_t i = 0; i + BYTES <= rows.size(); i += 8 * (BYTES / 8))
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j) {
            V some;
            std::memcpy(&some, &rows[i + size_t(j) * (BYTES / 8)], BYTES);
            sums[j] += some;
        }
    for (auto& sum : sums) asm volatile("" : "+" REGISTER(sum));
    return double(rows.size()) * 8 / (seconds() - begun);
}

}  // namespace

int main() {
    const std::make_index_sequence<CHAINS> chains;
    const std::make_index_sequence<TOGETHER> together;
    const std::vector<double> rows(size_t(1) << 25, 1.0);  // 256 MB: no cache of one core holds it
    std::printf("{\"set\": \"%s\", \"fma64\": %.6g, \"fma32\": %.6g, \"exp64\": %.6g, \"exp32\": %.6g, ", SET,
                median([&] { return multiply_adds<double>(chains); }),
                median([&] { return multiply_adds<float>(chains); }),
                median([&] { return exponentials<double>(together); }),
                median([&] { return exponentials<float>(together); }));
    std::printf("\"error64\": %.3g, \"error32\": %.3g, \"read\": %.6g}\n", largest_error<double>(),
                largest_error<float>(), median([&] { return bytes_read(rows); }));
}
