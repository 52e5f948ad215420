// Scores of rows with components, exact or within a bound, and what rows add to components.
#pragma once
#include <algorithm>
#include <cstdint>

#include "truncated_search.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, M{__VA_ARGS__})
#endif

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

    // The same to the last bit, for few.
    void exact(const double* z, const std::int32_t* ids, int count, double* scores) const {
        for (int i = 0; i < count; ++i) {
            const Vector v = distance(z, ids[i]);
            scores[i] = c.constants[ids[i]] - 0.5 * (((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])));
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
