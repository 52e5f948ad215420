// Expectation–maximisation for a stack: many small mixtures of the same rows, one problem at a time, on threads.
//
// The same algorithm as the array engine's (gmmkit/inference/stack_numpy.py), which says what and why. This file is
// compiled once for each instruction set, into a namespace of its own; dispatch.cpp chooses.
#include <atomic>
#include <cstring>
#include <numeric>
#include <optional>

#include "full_refit.hpp"
#include "kmeans.hpp"
#include "mixture.hpp"
#include "plain.hpp"
#include "threads.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr double FIRST_LONGEST_STEP = 4.0, SLOWEST = 0.9999;
// Plain passes that must agree that little is left to gain, after a stretched step: that takes most of what is slow, so
// that the gains next to it are of what is fast, and tell too little of what is slow.
constexpr int CONFIRMATIONS = 2;

double rate_of(const Moments (&past)[3]) {
    return (past[2].objective - past[1].objective) / (past[1].objective - past[0].objective);
}

// Whether Aitken's estimate of what is still to gain is below tol.
bool little_left(const Moments (&past)[3], double tol) {
    const double first = past[1].objective - past[0].objective, last = past[2].objective - past[1].objective;
    if (first <= 0.0 || last <= 0.0) return std::fabs(last) < tol;
    const double rate = last / first;
    return rate < 1.0 && last * rate / (1.0 - rate) < tol;
}

// What a run remembers; used again for the next one.
struct Trail {
    Moments past[3];
    std::vector<double> stretched;
    Parameters sound;
    Begun begun;
};

template <int D, bool DIAGONAL>
void run_one(Mixture& m, Trail& trail, const Run& settings, int s) {
    auto& [past, stretched, sound, begun] = trail;
    Evaluation now;
    int passes = 0, linked = 0, confirmed = 0, stretches = 0, status = UNFINISHED;
    double longest = FIRST_LONGEST_STEP;
    bool tried = false, stepped = false;
    double* trace = settings.traces + std::size_t(s) * settings.max_iter;
    while (passes < settings.max_iter && !*settings.interrupted) {
        Evaluation next = m.pass<D, DIAGONAL>();
        if (tried) {
            // A plain step cannot fall, so what falls was stretched.
            const bool worse = !next.sound || !(next.objective >= now.objective);
            longest = worse ? std::max(longest / 4.0, 1.0) : longest * 4.0;
            if (worse) {
                m.refit.begun = begun;
                next = m.step<D, DIAGONAL>(past[2].sums, past[2].points) ? m.pass<D, DIAGONAL>() : Evaluation();
            }
            tried = false;
            stretches += !worse;
            linked = worse ? linked : 0;
        }
        if (!next.sound) {
            trace[passes++] = NOWHERE;
            status = SINGULAR;
            break;
        }
        now = next;
        trace[passes++] = now.objective;
        std::swap(past[0], past[1]);
        std::swap(past[1], past[2]);
        past[2].sums = m.around;
        past[2].points = m.at.means;
        past[2].objective = now.objective;
        ++linked;
        if (linked >= 3) {
            confirmed = little_left(past, settings.tol) ? confirmed + 1 : 0;
            if (confirmed > (stretches ? CONFIRMATIONS : 0)) {
                status = CONVERGED;
                break;
            }
        }
        if (passes == settings.max_iter) break;
        sound = m.at;
        stepped = true;
        bool refitted = true;
        if (linked >= 3 && !confirmed) {
            const double rate = rate_of(past);
            const double slow = std::sqrt(std::min(std::max(std::isnan(rate) ? 0.0 : rate, 0.0), SLOWEST * SLOWEST));
            const double a = std::min(1.0 / (1.0 - slow), longest);
            begun = m.refit.begun;
            tried = a > 1.01 && past[2].objective > past[1].objective && m.stretch<D, DIAGONAL>(past, a, stretched) &&
                    m.step<D, DIAGONAL>(stretched, past[2].points);
            if (!tried) m.refit.begun = begun;
        }
        if (!tried) refitted = m.step<D, DIAGONAL>(past[2].sums, past[2].points);
        if (!refitted) {
            status = SINGULAR;
            break;
        }
    }
    // What came to nothing, or was interrupted between a step and its pass, is left where it was sound.
    const bool between = status == UNFINISHED && passes < settings.max_iter;
    if ((status == SINGULAR || between) && stepped) m.at = sound;
    settings.objectives[s] = status == SINGULAR ? NOWHERE : now.objective;
    settings.log_likelihoods[s] = now.log_likelihood;
    settings.log_certainties[s] = now.log_certainty;
    settings.passes[s] = passes;
    settings.status[s] = status;
}

// Call worker()(s) for each s, one worker for each thread.
template <typename Worker>
void each(int count, int n_threads, Worker worker) {
    std::atomic<int> next{0};
    const auto work = [&] {
        try {
            auto done = worker();
            for (int s; (s = next++) < count;) done(s);
        } catch (const std::bad_alloc&) {
            next = count;  // the others need not go on
            throw;
        }
    };
    on_threads(std::min(n_threads, count), work, [](int) {});
}

// The rows of a stack's mixtures.
class Shared {
  public:
    explicit Shared(const Problem& p_) : p(p_), z(padded(p.z, p.n, p.d)) {
        if (!p.own_weights) common.emplace(p, z, p.weights);
    }

    // Call work with the rows of mixture s.
    template <typename Work>
    void with(int s, Work work) const {
        if (common) return work(*common);
        const Rows own(p, z, p.weights + std::size_t(s) * p.n);
        work(own);
    }

  private:
    const Problem& p;
    std::vector<double> z;
    std::optional<Rows> common;
};

// The caller's arrays of one mixture.
struct Place {
    double *weights, *means, *covariances;
    int k, d;
    Place(const Problem& p, const Run& settings, int s)
        : weights(settings.mixture_weights + p.offsets[s]), means(settings.means + p.offsets[s] * p.d),
          covariances(settings.covariances + p.offsets[s] * p.d * p.d), k(p.sizes[s]), d(p.d) {}
    void read(Parameters& to) const {
        std::copy(weights, weights + k, to.weights.begin());
        std::copy(means, means + k * d, to.means.begin());
        std::copy(covariances, covariances + k * d * d, to.covariances.begin());
    }
    void write(const Parameters& from) const {
        std::copy(from.weights.begin(), from.weights.end(), weights);
        std::copy(from.means.begin(), from.means.end(), means);
        std::copy(from.covariances.begin(), from.covariances.end(), covariances);
    }
};

inline const double* pseudo_of(const Problem& p, int s) { return p.pseudo + std::size_t(s) * p.d * p.d; }

// For each mixture the first one that has the same labels, size and kind of moments.
std::vector<int> first_alike(const Problem& p, const std::int32_t* labels) {
    std::vector<int> first(p.count);
    std::iota(first.begin(), first.end(), 0);
    if (p.own_weights) return first;
    std::vector<std::uint64_t> keys(p.count);
    for (int s = 0; s < p.count; ++s) {
        std::uint64_t key = std::uint64_t(p.sizes[s]) * 2 + diagonal_structure(p.structures[s]);
        const std::int32_t* own = labels + std::size_t(s) * p.n;
        for (int i = 0; i < p.n; ++i) key += (std::uint64_t(own[i]) + 1) * (std::uint64_t(i) * 0x9E3779B97F4A7C15u | 1u);
        keys[s] = key;
    }
    std::vector<int> order(first);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
    for (int i = 1; i < p.count; ++i) {
        const int s = order[i], f = first[order[i - 1]];
        if (keys[s] == keys[f] && p.sizes[s] == p.sizes[f] &&
            diagonal_structure(p.structures[s]) == diagonal_structure(p.structures[f]) &&
            !std::memcmp(labels + std::size_t(s) * p.n, labels + std::size_t(f) * p.n, sizeof(std::int32_t) * p.n))
            first[s] = f;
    }
    return first;
}

}  // namespace

void run(const Problem& p, const Run& settings) {
    const Shared shared(p);
    each(p.count, settings.n_threads, [&] {
        return [&, m = Mixture(p.d, p.units), trail = Trail()](int s) mutable {
            shared.with(s, [&](const Rows& rows) {
                m.take(rows, p.structures[s], p.sizes[s], pseudo_of(p, s));
                const Place place(p, settings, s);
                place.read(m.at);
                m.refit.recall(m.at.covariances.data());
                specialised(m, [&](auto columns, auto diagonal) {
                    if (settings.plain) run_plain<columns(), diagonal()>(m, settings, s);
                    else run_one<columns(), diagonal()>(m, trail, settings, s);
                });
                place.write(m.at);
            });
        };
    });
}

void begin(const Problem& p, const std::int32_t* labels, const Run& settings) {
    const Shared shared(p);
    const std::vector<int> first = first_alike(p, labels);
    std::vector<std::vector<double>> sums(p.count), means(p.count);
    auto for_each = [&](auto work) {
        each(p.count, settings.n_threads, [&] {
            return [&, m = Mixture(p.d, p.units)](int s) mutable {
                if (*settings.interrupted) return;
                shared.with(s, [&](const Rows& rows) {
                    m.take(rows, p.structures[s], p.sizes[s], pseudo_of(p, s));
                    work(m, s);
                });
            };
        });
    };
    for_each([&](Mixture& m, int s) {
        if (first[s] != s) return;
        specialised(m, [&](auto columns, auto diagonal) {
            m.tally<columns(), diagonal()>(labels + std::size_t(s) * p.n, p.n);
        });
        sums[s] = m.around;
        means[s] = m.at.means;
    });
    for_each([&](Mixture& m, int s) {
        const bool stepped = specialised(m, [&](auto columns, auto diagonal) {
            return m.step<columns(), diagonal()>(sums[first[s]], means[first[s]]);
        });
        const bool solved = stepped && m.prepare();
        settings.status[s] = solved ? UNFINISHED : SINGULAR;
        settings.objectives[s] = solved ? m.classification() : NOWHERE;
        Place(p, settings, s).write(m.at);
    });
}

void classify(const Problem& p, const Run& settings, std::int32_t* labels) {
    const Shared shared(p);
    each(p.count, settings.n_threads, [&] {
        return [&, m = Mixture(p.d, p.units)](int s) mutable {
            shared.with(s, [&](const Rows& rows) {
                m.take(rows, p.structures[s], p.sizes[s], pseudo_of(p, s));
                Place(p, settings, s).read(m.at);
                std::int32_t* own = labels + std::size_t(s) * p.n;
                std::fill(own, own + p.n, 0);
                if (*settings.interrupted || !m.prepare()) return;
                specialised(m, [&](auto columns, auto diagonal) { m.most_probable<columns(), diagonal()>(own, p.n); });
            });
        };
    });
}

void smallest_eigenvalues(const double* matrices, const double* white, const std::int32_t* which, int count, int d,
                          double* out) {
    const std::size_t dd = std::size_t(d) * d;
    std::vector<double> half(dd), lanes(dd * LANES), vectors(dd * LANES);
    for (int start = 0; start < count; start += LANES) {
        const int held = std::min(LANES, count - start);
        std::fill(lanes.begin(), lanes.end(), 0.0);
        for (int j = 0; j < held; ++j) {
            const double *a = matrices + (start + j) * dd, *w = white + which[start + j] * dd;
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    double value = 0.0;
                    for (int r = 0; r < d; ++r) value += w[p * d + r] * a[r * d + q];
                    half[p * d + q] = value;
                }
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) {
                    double value = 0.0;
                    for (int r = 0; r < d; ++r) value += half[p * d + r] * w[q * d + r];
                    lanes[(p * d + q) * LANES + j] = lanes[(q * d + p) * LANES + j] = value;
                }
        }
        eigen(lanes.data(), vectors.data(), d);
        for (int j = 0; j < held; ++j) out[start + j] = lanes[(dd - 1) * LANES + j];
    }
}

void full_refit(const FullRefit& asked, std::int64_t* without_factor) {
    std::vector<double> factor(std::size_t(asked.d) * asked.d);
    *without_factor = 0;
    for (int j = 0; j < asked.k; ++j) *without_factor += !refit_one(asked, j, factor.data());
}

}  // namespace TARGET
}  // namespace gmmkit
