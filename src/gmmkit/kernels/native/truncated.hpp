// Truncated expectation and statistics: each row is scored with few components, the best of them are kept.
//
// The same algorithm as the array form's (gmmkit/kernels/truncated.py), which says what and why. Indices that are not
// of a component are no candidates, whatever they are: nothing is read outside the arrays.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "truncated_api.hpp"
#include "vector.hpp"

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

// A component that is so much less probable than the best has a share that rounding would lose beside it.
constexpr double NEGLIGIBLE = -40.0;

// Candidates that are scored together; and from which score on distances in floats are finite.
constexpr int CHUNK = 64;
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

// SplitMix64's finaliser (Steele, Lea & Flood 2014).
inline std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

inline int drawn(std::uint64_t key, std::uint64_t stream, int draw, int k) {
    const std::uint64_t bits = mixed(key ^ mixed(stream + 0x9E3779B97F4A7C15u * std::uint64_t(draw + 1)));
    return int(((bits >> 32) * std::uint64_t(k)) >> 32);
}

// Components that one row (or one component) is tried with, each once.
struct Tried {
    std::vector<std::uint32_t> stamps;
    std::vector<std::int32_t> ids;
    std::vector<double> scores;
    std::uint32_t stamp = 0;
    int count = 0, k;

    // Room for all, and for a last vector of eight; scores of a chunk.
    explicit Tried(int k_) : stamps(k_, 0), ids(std::size_t(k_) + LANES), scores(CHUNK + LANES), k(k_) {}

    void begin() {
        count = 0;
        if (++stamp == 0) {
            std::fill(stamps.begin(), stamps.end(), 0);
            stamp = 1;
        }
    }
    void exclude(int c) { stamps[c] = stamp; }
    void propose(std::int32_t c) {
        if (std::uint32_t(c) >= std::uint32_t(k) || stamps[c] == stamp) return;
        stamps[c] = stamp;
        ids[count++] = c;
    }
    void propose(const std::int32_t* from, int n) {
        for (int i = 0; i < n; ++i) propose(from[i]);
    }
    // What is in the cells of row i.
    void enter(const Candidates& from, int i) {
        for (int e = 0; e < from.n_entries; ++e) {
            const std::int32_t cell = from.entries[std::size_t(i) * from.n_entries + e];
            if (std::uint32_t(cell) < std::uint32_t(from.n_cells))
                propose(from.members + from.starts[cell], from.starts[cell + 1] - from.starts[cell]);
        }
    }
};

// The best so far, best first; of equal ones, that which came first.
struct Best {
    std::vector<std::int32_t> ids;
    std::vector<double> scores;
    std::vector<char> open;  // whether neighbours are still to be tried
    int most, count = 0;

    explicit Best(int most_) : ids(most_), scores(most_ + LANES), open(most_), most(most_) {}

    void add(std::int32_t id, double score) {
        if (count == most && !(score > scores[most - 1])) return;
        int place = count < most ? count++ : most - 1;
        for (; place > 0 && score > scores[place - 1]; --place) {
            scores[place] = scores[place - 1];
            ids[place] = ids[place - 1];
            open[place] = open[place - 1];
        }
        scores[place] = score;
        ids[place] = id;
        open[place] = 1;
    }

    // The best of the first few whose neighbours are still to be tried, which they then are; −1: none.
    std::int32_t next(int beam) {
        for (int place = 0; place < std::min(beam, count); ++place)
            if (open[place]) {
                open[place] = 0;
                return ids[place];
            }
        return -1;
    }
};

// V vectors of columns; 0: as many as there are.
template <int V, bool FULL>
struct Kernel {
    const Components& c;
    explicit Kernel(const Components& c_) : c(c_) {}

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
