// Truncated expectation and statistics: each row is scored with few components, the best of them are kept.
//
// The same algorithm as the array form's (gmmkit/kernels/truncated.py), which says what and why. Indices that are not
// of a component are no candidates, whatever they are: nothing is read outside the arrays. This file is compiled once
// for each instruction set, into a namespace of its own; dispatch.cpp chooses.
#include <cmath>
#include <limits>

#include "truncated_scores.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// A component that is so much less probable than the best has a share that rounding would lose beside it.
constexpr double NEGLIGIBLE = -40.0;

template <int V, bool FULL>
struct Kernel : Scores<V, FULL> {
    using Scores<V, FULL>::c, Scores<V, FULL>::vectors, Scores<V, FULL>::parameters, Scores<V, FULL>::distance;
    using Scores<V, FULL>::keep_best, Scores<V, FULL>::gather, Scores<V, FULL>::Scores;

    void assign(const TruncatedRows& rows, const Candidates& from) {
        const int most = rows.truncation, hops = from.n_hops;
        Tried tried(c.k);
        std::vector<double> shares(most + LANES);
        Best best(most);
        std::vector<float> narrow(c.narrow ? (c.width + FLOATS - 1) / FLOATS * FLOATS : 0, 0.0f);
        for (int i = 0; i < rows.n; ++i) {
            const double weight = rows.weights ? rows.weights[i] : 1.0;
            rows.values[i] = 0.0;
            if (!(weight > 0.0)) continue;
            const double* z = rows.z + std::size_t(i) * c.width;
            std::int32_t* kept = rows.kept + std::size_t(i) * most;
            for (std::size_t j = 0; j < narrow.size() && j < std::size_t(c.width); ++j) narrow[j] = float(z[j]);
            tried.begin();
            best.count = 0;
            tried.propose(kept, most);
            tried.enter(from, i);
            for (int r = 0; r < from.n_random; ++r) tried.propose(drawn(rows.keys[i], from.key, r, c.k));
            int done = 0;
            for (int hop = 0;; ++hop) {
                keep_best(z, narrow.empty() ? nullptr : narrow.data(), tried, done, best);
                done = tried.count;
                const std::int32_t next = hop < hops ? best.next(from.beam) : -1;
                if (next < 0) break;
                tried.propose(from.neighbours + std::size_t(next) * from.n_neighbours, from.n_neighbours);
            }
            if (!best.count) {  // without candidates: no row of a pass
                rows.values[i] = -std::numeric_limits<double>::infinity();
                continue;
            }
            rows.values[i] = share(best, weight, shares.data());
            for (int a = 0; a < best.count; ++a)
                if (shares[a] > 0.0) gather(z, best.ids[a], shares[a], rows.counts, rows.sums);
            for (int a = 0; a < most; ++a) kept[a] = a < best.count ? best.ids[a] : -1;
        }
    }

    // Shares of the weight; the log normaliser.
    static double share(Best& best, double weight, double* shares) {
        const double top = best.scores[0];
        if (!std::isfinite(top)) {
            // Too far for any finite score: the first, which is as good as any.
            std::fill(shares, shares + best.count, 0.0);
            shares[0] = weight;
            return top;
        }
        double total = 0.0;
        for (int a = best.count; a < best.count + LANES - 1; ++a) best.scores[a] = -std::numeric_limits<double>::max();
        for (int a = 0; a < best.count; a += LANES) {
            const Vector below = load(best.scores.data() + a) - top;
            const Vector value = below < NEGLIGIBLE ? broadcast(0.0) : exponential(below);
            store(shares + a, value);
            total += sum(value);
        }
        const double scale = weight / total;
        for (int a = 0; a < best.count; ++a) shares[a] *= scale;
        return top + std::log(total);
    }

    // Mean score under component j of rows of component i.
    double expected(int i, int j, const Graph& graph) const {
        double distances = sum(distance(parameters(i), j));
        Vector trace = broadcast(0.0);
        if constexpr (FULL) {
            const std::size_t size = std::size_t(c.d) * c.width;
            const double *precision = graph.precisions + j * size, *spread = graph.spread + i * size;
            for (std::size_t p = 0; p < size; p += LANES) trace += load(precision + p) * load(spread + p);
        } else {
            const double *white = parameters(j) + c.width, *spread = graph.spread + std::size_t(i) * c.width;
            for (int v = 0; v < vectors(); ++v) {
                const Vector w = load(white + v * LANES);
                trace += w * w * load(spread + v * LANES);
            }
        }
        return c.constants[j] - 0.5 * (distances + sum(trace));
    }

    void connect(const Graph& graph, const Candidates& from) {
        const int width = from.n_neighbours, most = graph.n_found;
        Tried tried(c.k);
        Best best(most);
        for (int i = graph.start; i < graph.stop; ++i) {
            const std::int32_t* own = from.neighbours + std::size_t(i) * width;
            tried.begin();
            tried.exclude(i);
            tried.propose(own, width);
            tried.enter(from, i);
            for (int a = 0; a < std::min(most, width); ++a)
                if (std::uint32_t(own[a]) < std::uint32_t(c.k))
                    tried.propose(from.neighbours + std::size_t(own[a]) * width, width);
            for (int r = 0; r < from.n_random; ++r) tried.propose(drawn(mixed(i), from.key, r, c.k));
            best.count = 0;
            for (int a = 0; a < tried.count; ++a) best.add(tried.ids[a], expected(i, tried.ids[a], graph));
            std::int32_t* found = graph.found + std::size_t(i - graph.start) * most;
            for (int a = 0; a < most; ++a) found[a] = a < best.count ? best.ids[a] : -1;
        }
    }
};

template <class Call>
void with_kernel(const Components& c, Call call) {
    const int vectors = c.width / LANES;
#define CASE(V)                                   \
    if (c.full) {                                 \
        Kernel<V, true> kernel(c);                \
        call(kernel);                             \
    } else {                                      \
        Kernel<V, false> kernel(c);               \
        call(kernel);                             \
    }
    switch (vectors) {
        case 1: CASE(1) break;
        case 2: CASE(2) break;
        case 4: CASE(4) break;
        default: CASE(0)
    }
#undef CASE
}

}  // namespace

void truncated_assign(const Components& c, const TruncatedRows& rows, const Candidates& from) {
    with_kernel(c, [&](auto& kernel) { kernel.assign(rows, from); });
}

void truncated_connect(const Components& c, const Graph& graph, const Candidates& from) {
    with_kernel(c, [&](auto& kernel) { kernel.connect(graph, from); });
}

}  // namespace TARGET
}  // namespace gmmkit
