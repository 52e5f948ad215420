// Truncated expectation and statistics: each row is scored with few components, the best of them are kept.
//
// The same algorithm as the array form's (gmmkit/kernels/truncated.py), which says what and why. Indices that are not
// of a component are no candidates, whatever they are: nothing is read outside the arrays. This file is compiled once
// for each instruction set, into a namespace of its own; dispatch.cpp chooses.
#include <cmath>
#include <limits>

#include "truncated_near.hpp"
#include "truncated_points.hpp"
#include "truncated_scores.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// A component that has 1e-10 of what the best has leaves it to that.
constexpr double NEGLIGIBLE = -23.0;

// From which score on distances in floats are finite.
constexpr double FLOATS_REACH = -1e30;

// Rows that are tried before the first of them is added to components, and how far ahead what they keep is called for.
constexpr int TILE = 16, AHEAD = 3, FAR_AHEAD = 12;

template <int V, bool FULL>
struct Kernel : Scores<V, FULL> {
    using Scores<V, FULL>::c, Scores<V, FULL>::vectors, Scores<V, FULL>::parameters, Scores<V, FULL>::distance;
    using Scores<V, FULL>::score, Scores<V, FULL>::exact, Scores<V, FULL>::gather, Scores<V, FULL>::Scores;

    void assign(const TruncatedRows& rows, const Candidates& from) {
        const int most = rows.truncation;
        Near<V> near(c, most);
        const bool serves = !FULL && near.serves(from);
        Widely widely(*this, most, near);
        const std::vector<std::int32_t> order = by_best(rows);
        // Rows wait for what they need of components, which is called for while others are tried.
        std::vector<std::int32_t> ids(std::size_t(TILE) * most);
        int counts[TILE];
        for (int start = 0; start < rows.n; start += TILE) {
            const int count = std::min(TILE, rows.n - start);
            for (int t = 0; t < count; ++t) {
                if (start + t + FAR_AHEAD < rows.n) {
                    const std::size_t far = order[start + t + FAR_AHEAD];
                    __builtin_prefetch(rows.kept + far * most, 1);
                    __builtin_prefetch(rows.keys + far);
                    for (int v = 0; v < vectors(); ++v) __builtin_prefetch(rows.z + far * c.width + v * LANES);
                }
                const std::size_t i = order[start + t];
                counts[t] = 0;
                if (!serves || (rows.weights && !(rows.weights[i] > 0.0))) continue;
                if (start + t + AHEAD < rows.n)
                    near.call_for(rows.kept + std::size_t(order[start + t + AHEAD]) * most, from);
                std::int32_t* kept = rows.kept + i * most;
                const double error = near.find(rows.z + i * c.width, kept, from, rows.keys[i]);
                if (!(error >= 0.0)) continue;
                // Others have no share.
                const float least = near.scores[0] + float(NEGLIGIBLE - 2.125 * error);
                int held = 1;
                while (held < most && near.scores[held] >= least) ++held;
                counts[t] = held;
                std::copy(near.ids, near.ids + held, &ids[std::size_t(t) * most]);
                std::copy(near.ids, near.ids + most, kept);
                for (int a = 0; a < std::min(held, 2); ++a) {
                    const double* mean = parameters(near.ids[a]);
                    const double* sums = rows.sums + (mean - c.parameters);
                    for (int v = 0; v < 2 * vectors(); ++v) {
                        __builtin_prefetch(mean + v * LANES);
                        __builtin_prefetch(sums + v * LANES, 1);
                    }
                }
            }
            for (int t = 0; t < count; ++t)
                add(rows, from, order[start + t], &ids[std::size_t(t) * most], counts[t], widely);
        }
    }

    // Rows in the order of the components that were best for them: what one needs is in the cache for the next.
    std::vector<std::int32_t> by_best(const TruncatedRows& rows) const {
        std::vector<std::int32_t> order(rows.n), places(std::size_t(c.k) + 2, 0);
        auto best = [&](int i) {
            const std::int32_t id = rows.kept[std::size_t(i) * rows.truncation];
            return std::uint32_t(id) < std::uint32_t(c.k) ? id : c.k;
        };
        for (int i = 0; i < rows.n; ++i) ++places[best(i) + 1];
        for (int j = 0; j < c.k; ++j) places[j + 1] += places[j];
        for (int i = 0; i < rows.n; ++i) order[places[best(i)]++] = i;
        return order;
    }

    struct Widely {
        Tried tried;
        Best best;
        std::vector<double> shares;
        Near<V>& near;
        Widely(const Kernel& kernel, int most, Near<V>& near_)
            : tried(kernel.c.k), best(most), shares(most + LANES), near(near_) {}
    };

    // Score what was proposed from `first` on, and keep the best: as many as are kept first, to know what must be
    // beaten.
    void keep_best(const double* z, int first, Widely& widely) const {
        auto& [tried, best, shares, near] = widely;
        while (first < tried.count) {
            const bool full = best.count == best.most;
            std::int32_t* ids = tried.ids.data() + first;
            int count = std::min(full ? CHUNK : std::max(std::min(best.most, CHUNK), LANES), tried.count - first);
            first += count;
            // What comes after is put back where the last eight were filled up.
            std::int32_t after[LANES] = {};
            std::copy(ids + count, ids + count + LANES, after);
            const int all = count;
            if (c.narrow && full && best.scores[best.most - 1] > FLOATS_REACH)
                count = near.above(best.scores[best.most - 1], ids, count);
            if (count) score(z, ids, count, tried.scores.data());
            for (int i = 0; i < count; ++i) best.add(ids[i], tried.scores[i]);
            std::copy(after, after + LANES, ids + all);
        }
    }

    // Share a row among the components that were found to be its best, or, where none were, that are found now.
    void add(const TruncatedRows& rows, const Candidates& from, int i, const std::int32_t* found, int count,
             Widely& widely) const {
        auto& [tried, best, shares, near] = widely;
        const double weight = rows.weights ? rows.weights[i] : 1.0;
        const double* z = rows.z + std::size_t(i) * c.width;
        rows.values[i] = 0.0;
        if (!(weight > 0.0)) return;
        if (count) {
            std::copy(found, found + count, best.ids.begin());
            best.count = count;
            if (count > 2) score(z, best.ids.data(), count, best.scores.data());
            else exact(z, found, count, best.scores.data());
        } else {
            search(rows, from, i, widely);
        }
        if (!best.count) {  // without candidates: no row of a pass
            rows.values[i] = -std::numeric_limits<double>::infinity();
            return;
        }
        rows.values[i] = share(best, weight, shares.data());
        for (int a = 0; a < best.count; ++a)
            if (shares[a] > 0.0) gather(z, best.ids[a], shares[a], rows.counts, rows.sums);
    }

    void search(const TruncatedRows& rows, const Candidates& from, int i, Widely& widely) const {
        auto& [tried, best, shares, near] = widely;
        const double* z = rows.z + std::size_t(i) * c.width;
        const int most = rows.truncation;
        std::int32_t* kept = rows.kept + std::size_t(i) * most;
        if (c.narrow) near.take(z);
        tried.begin();
        best.count = 0;
        tried.propose(kept, most);
        tried.enter(from, i);
        for (int r = 0; r < from.n_random; ++r) tried.propose(drawn(rows.keys[i], from.key, r, c.k));
        int done = 0;
        for (int hop = 0;; ++hop) {
            keep_best(z, done, widely);
            done = tried.count;
            const std::int32_t next = hop < from.n_hops ? best.next(from.beam) : -1;
            if (next < 0) break;
            tried.propose(from.neighbours + std::size_t(next) * from.n_neighbours, from.n_neighbours);
        }
        if (!best.count) return;
        for (int a = 0; a < most; ++a) kept[a] = a < best.count ? best.ids[a] : -1;
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
        if (best.count == 1) {
            shares[0] = weight;
            return top;
        }
        double total = 0.0;
        for (int a = best.count; a < best.count + LANES - 1; ++a) best.scores[a] = -std::numeric_limits<double>::max();
        for (int a = 0; a < best.count; a += LANES) {
            const Vector below = load(best.scores.data() + a) - top;
            const Vector value = below < NEGLIGIBLE ? broadcast(0.0) : gmmkit::exponential(below);
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

void truncated_points(const DenseRows& from, const std::int64_t* order, int n, int width, double* z) {
    if (from.single) points<float>(from, order, n, width, z);
    else points<double>(from, order, n, width, z);
}

void truncated_largest(const float* values, int n, int m, int size, std::int32_t* found) {
    for (int i = 0; i < n; ++i) largest_few(values + std::size_t(i) * m, m, size, found + std::size_t(i) * size);
}

}  // namespace TARGET
}  // namespace gmmkit
