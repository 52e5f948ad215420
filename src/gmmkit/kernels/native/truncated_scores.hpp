// Scores of rows with components, exact or within a bound, and what rows add to components.
#pragma once
#include <algorithm>
#include <cstdint>

#include "truncated_search.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

typedef float Floats __attribute__((vector_size(64)));
typedef float Half __attribute__((vector_size(32)));
typedef std::int32_t HalfIntegers __attribute__((vector_size(32)));
constexpr int FLOATS = 16;

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, M{__VA_ARGS__})
#endif

// From which score on distances in floats are finite.
constexpr double FLOATS_REACH = -1e30;

// The sums of eight vectors, one in each lane.
template <class T, class M>
inline T sums_of_eight(const T (&v)[LANES]) {
    T pairs[4], fours[2];
    for (int i = 0; i < 4; ++i)
        pairs[i] = SHUFFLED(v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
                   SHUFFLED(v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    for (int i = 0; i < 2; ++i)
        fours[i] = SHUFFLED(pairs[2 * i], pairs[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
                   SHUFFLED(pairs[2 * i], pairs[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
    return SHUFFLED(fours[0], fours[1], 0, 1, 2, 3, 8, 9, 10, 11) +
           SHUFFLED(fours[0], fours[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

// V vectors of columns; 0: as many as there are.
template <int V, bool FULL>
struct Scores {
    const Components& c;
    explicit Scores(const Components& c_) : c(c_) {}

    int vectors() const { return V > 0 ? V : c.width / LANES; }
    const double* parameters(int j) const { return c.parameters + std::size_t(j) * c.forms * c.width; }

    // Squared length of the row's deviation, whitened, in a vector's lanes.
    Vector distance(const double* z, int j) const {
        const double *mean = parameters(j), *white = mean + c.width;
        Vector total = broadcast(0.0);
        if constexpr (FULL) {
            // Wᵀ by rows: row p adds to the whitened columns from p on.
            constexpr int MOST = V > 0 ? V : 1;
            if constexpr (V > 0) {
                Vector y[MOST] = {};
                for (int p = 0; p < c.d; ++p) {
                    const double dev = z[p] - mean[p];
                    const double* row = white + std::size_t(p) * c.width;
                    for (int v = p / LANES; v < V; ++v) y[v] += dev * load(row + v * LANES);
                }
                for (int v = 0; v < V; ++v) total += y[v] * y[v];
            } else {
                for (int v = 0; v < vectors(); ++v) {
                    Vector y = broadcast(0.0);
                    for (int p = 0; p < std::min(c.d, (v + 1) * LANES); ++p)
                        y += (z[p] - mean[p]) * load(white + std::size_t(p) * c.width + v * LANES);
                    total += y * y;
                }
            }
        } else {
            for (int v = 0; v < vectors(); ++v) {
                const Vector y = (load(z + v * LANES) - load(mean + v * LANES)) * load(white + v * LANES);
                total += y * y;
            }
        }
        return total;
    }

    // Score some, eight at a time; there is room for seven more.
    void score(const double* z, std::int32_t* ids, int count, double* scores) const {
        for (int i = count; i < count + LANES - 1; ++i) ids[i] = ids[0];
        for (int i = 0; i < count; i += LANES) {
            Vector lanes[LANES], constants;
            for (int a = 0; a < LANES; ++a) lanes[a] = distance(z, ids[i + a]);
            for (int a = 0; a < LANES; ++a) constants[a] = c.constants[ids[i + a]];
            store(scores + i, constants - 0.5 * sums_of_eight<Vector, Integers>(lanes));
        }
    }

    // Move those that may score above a threshold to the front and return how many there are, by distances in floats.
    //
    // A whitened deviation y is off by δ = 2⁻²⁴ κ at most, κ the largest |z| + |mean| whitened, and a share 2⁻²² of y;
    // so that D, the sum of squares in d columns, is D ≥ (1 − ε) D′ − (1 + 1/ε) d δ², with ε = 2⁻⁹ and D′ the computed
    // one. The slack is half of what is taken off.
    int above(const float* z, double threshold, std::int32_t* ids, int count) const {
        const int wide = (c.width + FLOATS - 1) / FLOATS * FLOATS;
        for (int i = count; i < count + LANES - 1; ++i) ids[i] = ids[0];
        int held = 0;
        for (int i = 0; i < count; i += LANES) {
            Half lanes[LANES];
            double bounds[LANES];
            for (int a = 0; a < LANES; ++a) {
                const float *mean = c.narrow + std::size_t(ids[i + a]) * 2 * wide, *white = mean + wide;
                Floats total = {};
                for (int v = 0; v < (V > 0 ? (V + 1) / 2 : wide / FLOATS); ++v) {
                    Floats x, m, w;
                    __builtin_memcpy(&x, z + v * FLOATS, sizeof x);
                    __builtin_memcpy(&m, mean + v * FLOATS, sizeof m);
                    __builtin_memcpy(&w, white + v * FLOATS, sizeof w);
                    const Floats y = (x - m) * w;
                    total += y * y;
                }
                Half parts[2];
                __builtin_memcpy(parts, &total, sizeof total);
                lanes[a] = parts[0] + parts[1];
            }
            const Vector distances = __builtin_convertvector((sums_of_eight<Half, HalfIntegers>(lanes)), Vector);
            store(bounds, c.slack - 0.5 * (1.0 - 0x1p-9) * distances);
            const int here = std::min(LANES, count - i);
            for (int a = 0; a < here; ++a) {
                const std::int32_t id = ids[i + a];
                ids[held] = id;
                held += !(bounds[a] + c.constants[id] <= threshold);  // what is no number may
            }
        }
        return held;
    }

    // Score what was proposed from `first` on, and keep the best.
    void keep_best(const double* z, const float* narrow, Tried& tried, int first, Best& best) const {
        while (first < tried.count) {
            std::int32_t* ids = tried.ids.data() + first;
            int count = std::min(CHUNK, tried.count - first);
            first += count;
            // What comes after is put back where the last eight were filled up.
            std::int32_t after[LANES];
            std::copy(ids + count, ids + count + LANES, after);
            const int all = count;
            if (narrow && best.count == best.most && best.scores[best.most - 1] > FLOATS_REACH)
                count = above(narrow, best.scores[best.most - 1], ids, count);
            if (count) score(z, ids, count, tried.scores.data());
            for (int i = 0; i < count; ++i) best.add(ids[i], tried.scores[i]);
            std::copy(after, after + LANES, ids + all);
        }
    }

    void gather(const double* z, int j, double share, double* counts, double* sums) const {
        const double* mean = parameters(j);
        double *first = sums + std::size_t(j) * c.forms * c.width, *second = first + c.width;
        counts[j] += share;
        for (int v = 0; v < vectors(); ++v) {
            const Vector dev = load(z + v * LANES) - load(mean + v * LANES), weighted = share * dev;
            store(first + v * LANES, load(first + v * LANES) + weighted);
            if constexpr (!FULL) store(second + v * LANES, load(second + v * LANES) + weighted * dev);
        }
        if constexpr (FULL)
            for (int p = 0; p < c.d; ++p) {
                // The lower triangle, by whole vectors.
                const double weighted = share * (z[p] - mean[p]);
                double* row = second + std::size_t(p) * c.width;
                for (int v = 0; v <= p / LANES; ++v) {
                    const Vector dev = load(z + v * LANES) - load(mean + v * LANES);
                    store(row + v * LANES, load(row + v * LANES) + weighted * dev);
                }
            }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
