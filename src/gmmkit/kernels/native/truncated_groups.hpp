// Sixteen floats or indices at a time: which are large, how they rank, where the largest few of many are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "lanes.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int GROUP = 16;
typedef std::int32_t GroupIds __attribute__((vector_size(4 * GROUP)));
typedef float GroupScores __attribute__((vector_size(4 * GROUP)));
constexpr float NO_SCORE = -std::numeric_limits<float>::infinity();

// The bits of the lanes that hold.
inline std::uint32_t lanes_equal(const std::int32_t* ids, std::int32_t id) {
#ifdef __AVX512F__
    return _mm512_cmpeq_epi32_mask(_mm512_load_si512(ids), _mm512_set1_epi32(id));
#else
    std::uint32_t found = 0;
    for (int l = 0; l < GROUP; ++l) found |= std::uint32_t(ids[l] == id) << l;
    return found;
#endif
}

// Above, or from there on; what is no number is both.
template <bool FROM = false>
inline std::uint32_t lanes_above(const float* scores, float least) {
#ifdef __AVX512F__
    return _mm512_cmp_ps_mask(_mm512_load_ps(scores), _mm512_set1_ps(least), FROM ? _CMP_NLT_UQ : _CMP_NLE_UQ);
#else
    std::uint32_t found = 0;
    for (int l = 0; l < GROUP; ++l) found |= std::uint32_t(FROM ? !(scores[l] < least) : !(scores[l] <= least)) << l;
    return found;
#endif
}

inline bool any_of(GroupIds v) {
#ifdef __AVX512F__
    return _mm512_test_epi32_mask((__m512i)v, (__m512i)v);
#else
    std::int32_t some = 0;
    for (int l = 0; l < GROUP; ++l) some |= v[l];
    return some;
#endif
}

inline float largest_of(GroupScores v) {
#ifdef __AVX512F__
    return _mm512_reduce_max_ps((__m512)v);
#else
    float most = v[0];
    for (int l = 1; l < GROUP; ++l) most = std::max(most, v[l]);
    return most;
#endif
}

inline GroupScores gathered(const float* values, const std::int32_t* ids) {
#ifdef __AVX512F__
    return (GroupScores)_mm512_i32gather_ps(_mm512_load_si512(ids), values, 4);
#else
    GroupScores found;
    for (int l = 0; l < GROUP; ++l) found[l] = values[ids[l]];
    return found;
#endif
}

// Of each score how many are larger, or as large and before it.
inline void ranks_of(const float* scores, std::int32_t* ranks) {
    GroupScores own;
    GroupIds rank = {}, place;
    __builtin_memcpy(&own, scores, sizeof own);
    for (int l = 0; l < GROUP; ++l) place[l] = l;
    each_of<GROUP>([&](auto i) INLINED {
        const float other = scores[i];
        if constexpr (i == 0) rank -= (GroupIds)(other >= own);
        else rank -= (GroupIds)(other > own) | ((GroupIds)(other == own) & (GroupIds)(place > int(i)));
    });
    rank += (GroupIds)(place == 0);  // the first is no larger than itself
    __builtin_memcpy(ranks, &rank, sizeof rank);
}

// The places of the largest few of m values, 16 at most, in order.
inline void largest_few(const float* values, int m, int size, std::int32_t* found) {
    alignas(64) float tops[GROUP], kept[GROUP + 1];
    alignas(64) std::int32_t ranks[GROUP];
    GroupScores most = NO_SCORE - GroupScores{}, value;
    const int whole = m / GROUP * GROUP;
    for (int start = 0; start < whole; start += GROUP) {
        __builtin_memcpy(&value, values + start, sizeof value);
        most = greater(most, value);
    }
    // As many as are sought are as large as this one of the lanes' largest.
    __builtin_memcpy(tops, &most, sizeof tops);
    ranks_of(tops, ranks);
    float least = NO_SCORE;
    for (int l = 0; l < GROUP; ++l) least = ranks[l] == size - 1 ? tops[l] : least;
    int count = 0;
    auto insert = [&](int at) {
        const float own = values[at];
        if (count == size && !(own > kept[size - 1])) return;
        int place = count < size ? count++ : size - 1;
        for (; place > 0 && own > kept[place - 1]; --place) {
            kept[place] = kept[place - 1];
            found[place] = found[place - 1];
        }
        kept[place] = own;
        found[place] = at;
    };
    for (int start = 0; start < whole; start += GROUP) {
        __builtin_memcpy(tops, values + start, sizeof tops);
        for (std::uint32_t bits = lanes_above<true>(tops, least); bits; bits &= bits - 1) insert(start + __builtin_ctz(bits));
    }
    for (int at = whole; at < m; ++at) insert(at);
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
