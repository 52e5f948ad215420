// Expectation–maximisation for a stack: many small mixtures of the same rows, one problem at a time, on threads.
//
// The same algorithm as gmmkit/inference/stack_numpy.py, which says what and why. This file is compiled once for each
// instruction set, into a namespace of its own; dispatch.cpp chooses.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "stack.hpp"
#include "structures.hpp"
#include "vector.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr double LOG_2PI = 1.83787706640934548356;
constexpr double EPSILON = 2.220446049250313e-16;
constexpr int BLOCK = 256;  // rows whose scores stay in the first cache
constexpr double FIRST_LONGEST_STEP = 4.0, SLOWEST = 0.9999;

// Padded with rows of weight 0 to whole vectors.
std::vector<double> padded(const double* rows, int n, int d) {
    const int whole = (n + LANES - 1) / LANES * LANES;
    std::vector<double> z(std::size_t(whole) * d, 0.0);
    for (int j = 0; j < d; ++j) std::copy(rows + std::size_t(j) * n, rows + std::size_t(j + 1) * n, z.data() + std::size_t(j) * whole);
    return z;
}

// The rows of one mixture: shared, with shared weights or weights of its own.
struct Rows {
    int n, d;
    const double *z, *weights;
    double total = 0.0;
    std::vector<double> own;

    Rows(const Problem& p, const std::vector<double>& shared, const std::vector<double>& shared_weights, int s)
        : n((p.n + LANES - 1) / LANES * LANES), d(p.d), z(shared.data()), weights(shared_weights.data()) {
        if (p.own_weights) {
            own = padded(p.weights + std::size_t(s) * p.n, p.n, 1);
            weights = own.data();
        }
        for (int i = 0; i < p.n; ++i) total += weights[i];
    }
    Rows(const Rows&) = delete;
};

struct Evaluation {
    double objective, log_likelihood, log_certainty;
    bool sound;
};

// One mixture, and what its passes need.
struct Mixture {
    const Rows& rows;
    int k, d, t;  // t sums for each component: count, first moments, lower triangle of second moments
    const double* pseudo;
    double floor;
    std::vector<double> weights, means, covariances, factors, whitening, constants, precision_trace, scores, around, scatter, counts;
    Refit refit;

    Mixture(const Rows& r, int structure, int k_, const double* pseudo_, const double* units)
        : rows(r), k(k_), d(r.d), t(1 + r.d + r.d * (r.d + 1) / 2), pseudo(pseudo_),
          floor(10.0 * EPSILON * std::min(1.0, r.total / std::max(1, r.n))), weights(k), means(std::size_t(k) * d),
          covariances(std::size_t(k) * d * d), factors(d * d), whitening(std::size_t(k) * d * d), constants(k),
          scores(std::size_t(k) * BLOCK), around(std::size_t(k) * t), scatter(std::size_t(k) * d * d), counts(k),
          refit(structure, k_, r.d, units) {}

    // Factor the covariances; false if one is not positive definite.
    bool prepare() {
        for (int j = 0; j < k; ++j) {
            double* w = whitening.data() + std::size_t(j) * d * d;
            if (!cholesky(covariances.data() + std::size_t(j) * d * d, factors.data(), d)) return false;
            inverse_lower(factors.data(), w, d);
            constants[j] = std::max(std::log(weights[j]), -1e300) - 0.5 * (d * LOG_2PI + log_determinant(factors.data(), d));
        }
        return true;
    }

    template <int D>
    void score(int component, int start, int stop, double* out) const {
        const int size = D ? D : d;
        const double* w = whitening.data() + std::size_t(component) * size * size;
        const double* mean = means.data() + std::size_t(component) * size;
        const double constant = constants[component];
        for (int i = start; i < stop; i += LANES) {
            Vector deviation[D ? D : MOST_COLUMNS];
            Vector distance = broadcast(0.0);
            for (int j = 0; j < size; ++j) {
                deviation[j] = load(rows.z + std::size_t(j) * rows.n + i) - mean[j];
                Vector y = deviation[0] * w[j * size];
                for (int p = 1; p <= j; ++p) y += deviation[p] * w[j * size + p];
                distance += y * y;
            }
            store(out + (i - start), constant - 0.5 * distance);
        }
    }

    // Add a component's moments about its mean over rows whose responsibilities, with weights, are r.
    template <int D>
    void gather(int component, int start, int stop, const double* r, double* sums) const {
        const int size = D ? D : d;
        const double* mean = means.data() + std::size_t(component) * size;
        constexpr int MOST = D ? D : MOST_COLUMNS;
        Vector count = broadcast(0.0), first[MOST], second[MOST * (MOST + 1) / 2];
        for (int j = 0; j < size; ++j) first[j] = broadcast(0.0);
        for (int j = 0; j < size * (size + 1) / 2; ++j) second[j] = broadcast(0.0);
        for (int i = start; i < stop; i += LANES) {
            const Vector share = load(r + (i - start));
            Vector deviation[MOST];
            count += share;
            int place = 0;
            for (int j = 0; j < size; ++j) {
                deviation[j] = load(rows.z + std::size_t(j) * rows.n + i) - mean[j];
                const Vector weighted = share * deviation[j];
                first[j] += weighted;
                for (int p = 0; p <= j; ++p) second[place++] += weighted * deviation[p];
            }
        }
        sums[0] += sum(count);
        for (int j = 0; j < size; ++j) sums[1 + j] += sum(first[j]);
        for (int j = 0; j < size * (size + 1) / 2; ++j) sums[1 + size + j] += sum(second[j]);
    }

    // One pass: objectives at the parameters, and moments about the means in `around`.
    template <int D>
    Evaluation pass() {
        if (!prepare()) return {-std::numeric_limits<double>::infinity(), 0.0, 0.0, false};
        std::fill(around.begin(), around.end(), 0.0);
        Vector likelihood = broadcast(0.0), certainty = broadcast(0.0);
        for (int start = 0; start < rows.n; start += BLOCK) {
            const int stop = std::min(start + BLOCK, rows.n);
            for (int j = 0; j < k; ++j) score<D>(j, start, stop, scores.data() + std::size_t(j) * BLOCK);
            for (int i = 0; i < stop - start; i += LANES) {
                Vector top = load(scores.data() + i);
                for (int j = 1; j < k; ++j) top = larger(top, load(scores.data() + std::size_t(j) * BLOCK + i));
                Vector total = broadcast(0.0);
                for (int j = 0; j < k; ++j) {
                    double* place = scores.data() + std::size_t(j) * BLOCK + i;
                    const Vector value = exponential(load(place) - top);
                    total += value;
                    store(place, value);
                }
                const Vector weight = load(rows.weights + start + i);
                const Vector log_total = logarithm(total);
                likelihood += weight * (top + log_total);
                // The largest share of a row is 1 / Σ exp(score − top).
                certainty -= weight * log_total;
                const Vector factor = weight / total;
                for (int j = 0; j < k; ++j) {
                    double* place = scores.data() + std::size_t(j) * BLOCK + i;
                    store(place, load(place) * factor);
                }
            }
            for (int j = 0; j < k; ++j)
                gather<D>(j, start, stop, scores.data() + std::size_t(j) * BLOCK, around.data() + std::size_t(j) * t);
        }
        double penalty = 0.0;
        for (int j = 0; j < k; ++j) penalty += trace_product(pseudo, whitening.data() + std::size_t(j) * d * d, d);
        const double log_likelihood = sum(likelihood);
        return {(log_likelihood - 0.5 * penalty) / rows.total, log_likelihood, sum(certainty), true};
    }

    // Moments about the origin, a linear space in which steps can be stretched.
    void about_origin(std::vector<double>& sums) const {
        sums = around;
        for (int j = 0; j < k; ++j) {
            double* s = sums.data() + std::size_t(j) * t;
            const double* m = means.data() + std::size_t(j) * d;
            int place = 1 + d;
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) s[place++] += m[p] * s[1 + q] + s[1 + p] * m[q] + s[0] * m[p] * m[q];
            for (int p = 0; p < d; ++p) s[1 + p] += s[0] * m[p];
        }
    }

    // Set the parameters from sums about the means (`about` true) or about the origin.
    bool step(const std::vector<double>& sums, bool about) {
        double total = 0.0;
        for (int j = 0; j < k; ++j) total += counts[j] = sums[std::size_t(j) * t] + floor;
        for (int j = 0; j < k; ++j) {
            const double* s = sums.data() + std::size_t(j) * t;
            double* m = means.data() + std::size_t(j) * d;
            double* w = scatter.data() + std::size_t(j) * d * d;
            const double held = std::max(s[0], 1e-300);
            int place = 1 + d;
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) {
                    w[p * d + q] = w[q * d + p] = s[place++] - s[1 + p] * s[1 + q] / held + pseudo[p * d + q];
                }
            for (int p = 0; p < d; ++p) m[p] = (about ? m[p] : 0.0) + s[1 + p] / held;
            weights[j] = counts[j] / total;
        }
        return refit.solve(counts.data(), scatter.data(), covariances.data());
    }

    // Log-likelihood, per unit of weight and penalised, of rows and the hard labels just refitted to.
    double classification() const {
        double value = 0.0;
        for (int j = 0; j < k; ++j) {
            const std::size_t o = std::size_t(j) * d * d;
            value += counts[j] * constants[j] - 0.5 * trace_product(scatter.data() + o, whitening.data() + o, d);
        }
        return value / rows.total;
    }

    // Whether sums about the origin have positive counts and scatters.
    bool positive(const std::vector<double>& sums) {
        for (int j = 0; j < k; ++j) {
            const double* s = sums.data() + std::size_t(j) * t;
            if (!(s[0] > 0.0)) return false;
            int place = 1 + d;
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) scatter[p * d + q] = s[place++] - s[1 + p] * s[1 + q] / s[0] + pseudo[p * d + q];
            if (!cholesky(scatter.data(), factors.data(), d)) return false;
        }
        return true;
    }
};

struct Parameters {
    std::vector<double> weights, means, covariances;
    void keep(const Mixture& m) { weights = m.weights; means = m.means; covariances = m.covariances; }
};

template <int D>
void run_one(Mixture& m, const Run& settings, int s) {
    std::vector<double> sums[3], stretched, plain;
    double objectives[3];
    int phase = 0, passes = 0;
    double longest = FIRST_LONGEST_STEP, before = 0.0;
    bool tried = false;
    Evaluation now{-std::numeric_limits<double>::infinity(), 0.0, 0.0, false};
    Parameters at;
    int status = UNFINISHED;
    double* trace = settings.traces + std::size_t(s) * settings.max_iter;
    while (passes < settings.max_iter) {
        now = m.pass<D>();
        if (tried) {
            // A plain step cannot fall, so what falls was stretched.
            const bool worse = !now.sound || !(now.objective >= before);
            longest = worse ? std::max(longest / 4.0, 1.0) : longest * 4.0;
            if (worse) {
                now = m.step(plain, false) ? m.pass<D>() : Evaluation{-std::numeric_limits<double>::infinity(), 0.0, 0.0, false};
            }
            tried = false;
        }
        trace[passes++] = now.objective;
        at.keep(m);
        if (!now.sound) {
            status = SINGULAR;
            break;
        }
        m.about_origin(sums[phase]);
        objectives[phase] = now.objective;
        bool refitted;
        if (phase < 2) {
            ++phase;
            refitted = m.step(m.around, true);
        } else {
            phase = 0;
            const double first = objectives[1] - objectives[0], last = objectives[2] - objectives[1];
            const double rate = last / first;
            const bool done = first <= 0 || last <= 0 ? std::fabs(last) < settings.tol
                                                      : rate < 1.0 && last * rate / (1.0 - rate) < settings.tol;
            if (done) {
                status = CONVERGED;
                break;
            }
            const double slow = std::sqrt(std::min(std::max(std::isnan(rate) ? 0.0 : rate, 0.0), SLOWEST * SLOWEST));
            const double a = std::min(1.0 / (1.0 - slow), longest);
            if (a > 1.01 && last > 0) {
                stretched.resize(sums[0].size());
                for (std::size_t i = 0; i < stretched.size(); ++i)
                    stretched[i] = sums[0][i] + 2.0 * a * (sums[1][i] - sums[0][i]) +
                                   a * a * (sums[2][i] - 2.0 * sums[1][i] + sums[0][i]);
                tried = m.positive(stretched);
            }
            before = now.objective;
            if (tried) plain = sums[2];
            refitted = tried ? m.step(stretched, false) : m.step(m.around, true);
            if (tried && !refitted) {
                tried = false;
                refitted = m.step(plain, false);
            }
        }
        if (!refitted) {
            status = SINGULAR;
            break;
        }
    }
    m.weights = at.weights;
    m.means = at.means;
    m.covariances = at.covariances;
    settings.objectives[s] = now.objective;
    settings.log_likelihoods[s] = now.log_likelihood;
    settings.log_certainties[s] = now.log_certainty;
    settings.passes[s] = passes;
    settings.status[s] = status;
}

void dispatch(Mixture& m, const Run& settings, int s) {
    switch (m.d) {
        case 1: return run_one<1>(m, settings, s);
        case 2: return run_one<2>(m, settings, s);
        case 3: return run_one<3>(m, settings, s);
        case 4: return run_one<4>(m, settings, s);
        case 5: return run_one<5>(m, settings, s);
        case 6: return run_one<6>(m, settings, s);
        case 7: return run_one<7>(m, settings, s);
        case 8: return run_one<8>(m, settings, s);
        default: return run_one<0>(m, settings, s);
    }
}

template <typename Work>
void each(int count, int n_threads, Work work) {
    std::atomic<int> next{0};
    auto take = [&] {
        for (int s; (s = next++) < count;) work(s);
    };
    std::vector<std::thread> threads;
    for (int i = 1; i < std::min(n_threads, count); ++i) threads.emplace_back(take);
    take();
    for (auto& thread : threads) thread.join();
}

}  // namespace

void run(const Problem& p, const Run& settings) {
    const std::vector<double> z = padded(p.z, p.n, p.d);
    const std::vector<double> weights = p.own_weights ? std::vector<double>() : padded(p.weights, p.n, 1);
    each(p.count, settings.n_threads, [&](int s) {
        const Rows rows(p, z, weights, s);
        const int k = p.sizes[s];
        const std::size_t o = p.offsets[s], dd = std::size_t(p.d) * p.d;
        Mixture m(rows, p.structures[s], k, p.pseudo + s * dd, p.units);
        std::copy(settings.mixture_weights + o, settings.mixture_weights + o + k, m.weights.begin());
        std::copy(settings.means + o * p.d, settings.means + (o + k) * p.d, m.means.begin());
        std::copy(settings.covariances + o * dd, settings.covariances + (o + k) * dd, m.covariances.begin());
        m.refit.recall(m.covariances.data());
        dispatch(m, settings, s);
        std::copy(m.weights.begin(), m.weights.end(), settings.mixture_weights + o);
        std::copy(m.means.begin(), m.means.end(), settings.means + o * p.d);
        std::copy(m.covariances.begin(), m.covariances.end(), settings.covariances + o * dd);
    });
}

void begin(const Problem& p, const std::int32_t* labels, const Run& settings) {
    const std::vector<double> z = padded(p.z, p.n, p.d);
    const std::vector<double> weights = p.own_weights ? std::vector<double>() : padded(p.weights, p.n, 1);
    each(p.count, settings.n_threads, [&](int s) {
        const Rows rows(p, z, weights, s);
        const int k = p.sizes[s], d = p.d;
        const std::size_t o = p.offsets[s], dd = std::size_t(d) * d;
        Mixture m(rows, p.structures[s], k, p.pseudo + s * dd, p.units);
        std::vector<double> sums(std::size_t(k) * m.t, 0.0);
        const std::int32_t* own = labels + std::size_t(s) * p.n;
        // About each group's own mean, found first, so that groups far from the origin keep their digits.
        for (int i = 0; i < p.n; ++i) {
            double* at = sums.data() + std::size_t(own[i]) * m.t;
            at[0] += rows.weights[i];
            for (int j = 0; j < d; ++j) at[1 + j] += rows.weights[i] * rows.z[std::size_t(j) * rows.n + i];
        }
        for (int j = 0; j < k; ++j) {
            double* at = sums.data() + std::size_t(j) * m.t;
            for (int l = 0; l < d; ++l) {
                m.means[std::size_t(j) * d + l] = at[1 + l] / std::max(at[0], 1e-300);
                at[1 + l] = 0.0;
            }
        }
        std::vector<double> deviation(d);
        for (int i = 0; i < p.n; ++i) {
            double* at = sums.data() + std::size_t(own[i]) * m.t;
            const double* mean = m.means.data() + std::size_t(own[i]) * d;
            int place = 1 + d;
            for (int j = 0; j < d; ++j) {
                deviation[j] = rows.z[std::size_t(j) * rows.n + i] - mean[j];
                const double weighted = rows.weights[i] * deviation[j];
                for (int l = 0; l <= j; ++l) at[place++] += weighted * deviation[l];
            }
        }
        const bool solved = m.step(sums, true) && m.prepare();
        settings.status[s] = solved ? UNFINISHED : SINGULAR;
        settings.objectives[s] = solved ? m.classification() : -std::numeric_limits<double>::infinity();
        std::copy(m.weights.begin(), m.weights.end(), settings.mixture_weights + o);
        std::copy(m.means.begin(), m.means.end(), settings.means + o * d);
        std::copy(m.covariances.begin(), m.covariances.end(), settings.covariances + o * dd);
    });
}

void classify(const Problem& p, const Run& settings, std::int32_t* labels) {
    const std::vector<double> z = padded(p.z, p.n, p.d);
    const std::vector<double> weights = p.own_weights ? std::vector<double>() : padded(p.weights, p.n, 1);
    each(p.count, settings.n_threads, [&](int s) {
        const Rows rows(p, z, weights, s);
        const int k = p.sizes[s];
        const std::size_t o = p.offsets[s], dd = std::size_t(p.d) * p.d;
        Mixture m(rows, p.structures[s], k, p.pseudo + s * dd, p.units);
        std::copy(settings.mixture_weights + o, settings.mixture_weights + o + k, m.weights.begin());
        std::copy(settings.means + o * p.d, settings.means + (o + k) * p.d, m.means.begin());
        std::copy(settings.covariances + o * dd, settings.covariances + (o + k) * dd, m.covariances.begin());
        std::int32_t* own = labels + std::size_t(s) * p.n;
        std::fill(own, own + p.n, 0);
        if (!m.prepare()) return;
        std::vector<double> best(rows.n), score(rows.n);
        for (int j = 0; j < k; ++j) {
            m.score<0>(j, 0, rows.n, score.data());
            for (int i = 0; i < p.n; ++i)
                if (j == 0 || score[i] > best[i]) best[i] = score[i], own[i] = j;
        }
    });
}

}  // namespace TARGET
}  // namespace gmmkit
