// A row's best components by distances in floats, where these leave no doubt.
//
// A row that keeps 16 components or fewer, all of them valid, and opens the best one's neighbourhood: all it is tried
// with is scored in floats. Where the scores of those that matter lie further apart than floats can err, their order
// is the exact one, and only components with a share of the row are scored in doubles. Any doubt, and the row is done
// in doubles from the beginning: either way the best and their order are the same.
//
// A whitened deviation y is off by δ = 2⁻²³ κ at most, κ the largest |z| + |mean| whitened, and a share 2⁻²² of y; so
// that D, the sum of squares in d columns, is off by 2 δ √(d D) + d δ² + 2⁻²⁰ D at most, and its score by half of that
// and what rounding it costs.
#pragma once
#include <cmath>

#include "truncated_groups.hpp"
#include "truncated_search.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Of a score: the share is √d δ, which the component's `errors` hold.
struct Bound {
    float share = 0.0f, distance = 0.0f;

    double error(double rounding) const {
        return share * std::sqrt(distance) + 0.5f * share * share + 0x1p-20f * distance + rounding;
    }
};

// V vectors of eight columns; 0: as many as there are.
template <int V>
class Near {
  public:
    Near(const Components& c_, int most_)
        : c(c_), most(most_), wide((c_.width + GROUP - 1) / GROUP * GROUP), constants(c_.narrow ? c_.k : 0), z(wide),
          share(0.0f) {
        for (int j = 0; j < int(constants.size()); ++j) {
            constants[j] = float(c.constants[j]);
            share = std::max(share, c.errors[j]);
            // A weight of zero is a score below all others.
            if (c.constants[j] > -1e200) largest = std::max(largest, std::fabs(constants[j]));
        }
        rounding = 0x1p-21 * largest;
        for (int l = 0; l < GROUP; ++l) place[l] = l;
    }

    bool serves(const Candidates& from) const {
        return c.narrow && most <= GROUP && from.n_hops > 0 && from.beam == 1 && !from.n_entries &&
               from.n_neighbours + from.n_random <= MOST_MORE && c.k > GROUP;
    }

    alignas(64) std::int32_t ids[2 * GROUP] = {};
    alignas(64) float scores[2 * GROUP] = {};

    // Call for what a row is to be tried with, into the cache.
    void call_for(const std::int32_t* kept, const Candidates& from) const {
        for (int a = 0; a < most; ++a) {
            if (std::uint32_t(kept[a]) >= std::uint32_t(c.k)) continue;
            const float* mean = c.narrow + std::size_t(kept[a]) * 2 * wide;
            for (int j = 0; j < 2 * wide; j += GROUP) __builtin_prefetch(mean + j);
        }
        if (std::uint32_t(kept[0]) < std::uint32_t(c.k)) {
            const std::int32_t* near = from.neighbours + std::size_t(kept[0]) * from.n_neighbours;
            __builtin_prefetch(near);
            __builtin_prefetch(near + GROUP);
        }
    }

    void take(const double* row) {
        for (int j = 0; j < c.d; ++j) z[j] = float(row[j]);
    }

    // Move those that may score above a threshold to the front and return how many there are; there is room for fifteen
    // more.
    //
    // 2 δ √(d D) ≤ 2⁻⁹ D + 2⁹ d δ²: what `slack` is half of, and a share of the distance that is twice the score.
    int above(double threshold, std::int32_t* of, int count) const {
        alignas(64) std::int32_t own[GROUP];
        alignas(64) float found[GROUP];
        const float least = float(threshold - c.slack - rounding - 0x1p-22 * std::fabs(threshold));
        int held = 0;
        for (int start = 0; start < count; start += GROUP) {
            for (int a = 0; a < GROUP; ++a) own[a] = of[start + a < count ? start + a : start];
            score(own, found);
            GroupScores value;
            __builtin_memcpy(&value, found, sizeof value);
            value += 0x1.01p-9f * (gathered(constants.data(), own) - value);
            __builtin_memcpy(found, &value, sizeof value);
            std::uint32_t bits = lanes_above(found, least);  // what is no number may
            if (count - start < GROUP) bits &= (1u << (count - start)) - 1;
            for (; bits; bits &= bits - 1) of[held++] = own[__builtin_ctz(bits)];
        }
        return held;
    }

    // Find the best of a row, best first, and how far their scores may be off; −1 where floats cannot tell.
    double find(const double* row, const std::int32_t* kept, const Candidates& from, std::uint64_t key) {
        take(row);
        alignas(64) std::int32_t own[GROUP], ranks[GROUP], more[MOST_MORE + GROUP];
        alignas(64) float found[MOST_MORE + GROUP];
        GroupIds held;
        GroupScores value;
        for (int a = 0; a < GROUP; ++a) own[a] = kept[a < most ? a : 0];
        __builtin_memcpy(&held, own, sizeof held);
        if (any_of((held < 0) | (held >= c.k))) return -1.0;
        score(own, found);
        __builtin_memcpy(&value, found, sizeof value);
        // As far as they and those that take their places may be off, and as any may be, of which few come so near.
        Bound off{largest_of(gathered(c.errors, own)), largest_of(gathered(constants.data(), own) - value)}, most_off;
        if (most < GROUP) value = place < most ? value : NO_SCORE - GroupScores{};
        __builtin_memcpy(found, &value, sizeof value);
        ranks_of(found, ranks);
        for (int a = 0; a < GROUP; ++a) {
            ids[ranks[a] & (GROUP - 1)] = own[a];
            scores[ranks[a] & (GROUP - 1)] = found[a];
        }
        off.distance *= 2.5f;
        most_off.share = share;
        most_off.distance = 2.0f * (largest - scores[most - 1]);
        // What lies further away errs by more, but by a small share of how much further it lies.
        if (!(most_off.distance < 1e30f && share * share < 0.003f * most_off.distance)) return -1.0;
        const double error = off.error(rounding);
        const float apart = float(2.125 * error), reach = float(2.125 * most_off.error(rounding));
        // After the last that is kept stands the best of those that are not.
        scores[most] = NO_SCORE;
        std::int32_t opened = -1;
        for (int hop = 0; hop < from.n_hops && ids[0] != opened; ++hop) {
            // Which neighbourhood is opened must be certain, too.
            if (!(scores[0] - scores[1] > apart)) return -1.0;
            opened = ids[0];
            const float first = scores[0], least = scores[most - 1] - reach;
            int n_more = 0;
            auto propose = [&](std::int32_t id) {
                more[n_more] = id;
                n_more += std::uint32_t(id) < std::uint32_t(c.k) && !lanes_equal(ids, id);
            };
            const std::int32_t* near = from.neighbours + std::size_t(opened) * from.n_neighbours;
            for (int a = 0; a < from.n_neighbours; ++a) propose(near[a]);
            const int drawn_from = n_more;
            for (int r = 0; hop == 0 && r < from.n_random; ++r) propose(drawn(key, from.key, r, c.k));
            for (int a = n_more; a < n_more + GROUP - 1; ++a) more[a] = opened;
            for (int start = 0; start < n_more; start += GROUP) {
                score(more + start, found + start);
                std::uint32_t above = lanes_above(found + start, least);
                if (n_more - start < GROUP) above &= (1u << (n_more - start)) - 1;
                for (; above; above &= above - 1) {
                    const int a = start + __builtin_ctz(above);
                    // One that was drawn may be whose neighbours were to be opened.
                    if (a >= drawn_from && !(first - found[a] > apart)) return -1.0;
                    const std::int32_t id = more[a];
                    if (!(c.errors[id] <= off.share && 2.0f * (constants[id] - found[a]) <= off.distance)) {
                        const Bound own{c.errors[id], 2.0f * (constants[id] - found[a])};
                        if (found[a] <= scores[most - 1] - apart - float(own.error(rounding))) continue;
                        return -1.0;
                    }
                    insert(id, found[a]);
                }
            }
        }
        GroupScores upper, lower;
        __builtin_memcpy(&upper, scores, sizeof upper);
        __builtin_memcpy(&lower, scores + 1, sizeof lower);
        const bool told = !any_of((place < most) & ~(GroupIds)(upper - lower > apart));
        return told ? error : -1.0;
    }

  private:
    static constexpr int MOST_MORE = 48;
    const Components& c;
    const int most, wide;
    Array<float> constants, z;
    float share, largest = 0.0f;
    GroupIds place;
    double rounding;

    void insert(std::int32_t id, float score) {
        if (!(score > scores[most - 1])) {
            scores[most] = std::max(scores[most], score);
            return;
        }
        int place = most;
        for (; place > 0 && score > scores[place - 1]; --place) {
            scores[place] = scores[place - 1];
            ids[place] = ids[place - 1];
        }
        scores[place] = score;
        ids[place] = id;
    }

    void score(const std::int32_t* of, float* to) const {
        constexpr int W = WIDTH<float>;
        const float *from = c.narrow, *point = z.data(), *peaks = constants.data();
        each_of<GROUP / W>([&](auto group) INLINED {
            Lanes<float> lanes[W], peak;
            each_of<W>([&](auto a) INLINED {
                const std::int32_t id = of[group * W + a];
                const float* mean = from + std::size_t(id) * 2 * wide;
                Lanes<float> total = {};
                for (int v = 0; v < (V > 0 ? (V + 1) / 2 * (GROUP / W) : wide / W); ++v) {
                    const Lanes<float> y =
                        (get(point + v * W) - get(mean + v * W)) * get(mean + wide + v * W);
                    total += y * y;
                }
                lanes[a] = total;
            });
#ifdef __AVX512F__
            peak = (Lanes<float>)_mm512_i32gather_ps(_mm512_load_si512(of), peaks, 4);
#else
            for (int a = 0; a < W; ++a) peak[a] = peaks[of[group * W + a]];
#endif
            put(to + group * W, peak - 0.5f * sums_of_lanes<W, float>(lanes));
        });
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
