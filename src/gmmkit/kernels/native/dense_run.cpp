// Plain expectation–maximisation over rows in memory, pass after pass in one call: what the array engine does
// (gmmkit/inference/loop.py with em.py and the rule SmallChange), of components that have a matrix or variances each of
// their own. This file is compiled once for each instruction set; dispatch.cpp chooses.
//
// The threads share the blocks of a pass, then the components: their sums are added up in the order of the blocks, and
// they are refitted. Who comes last to the gate behind does what only one may do. So no bit depends on the threads.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "dense_api.hpp"
#include "full_refit.hpp"
#include "status.hpp"
#include "threads.hpp"

namespace gmmkit {
namespace TARGET {

void dense_pass(const DenseRows& rows, const DenseMixture& mixture, const DenseSums& out, DenseBlocks& blocks);

namespace {

struct Free {
    void operator()(double* given) const { std::free(given); }
};

// Many come as the system's pages of zeros, cleared as threads touch them, so that no thread waits until the caller has
// cleared them all; few are cleared here.
double* zeros(std::int64_t count) {
    void* given = std::calloc(std::size_t(count), sizeof(double));
    if (!given) throw std::bad_alloc();
    return static_cast<double*>(given);
}

class PlainPasses {
  public:
    PlainPasses(const DenseRows& rows, DenseRun& run)
        : given(rows), m(run), k(run.k), d(rows.d), matrices(run.form == MATRICES), own(matrices ? d * d : d),
          stride(std::int64_t(k) * (1 + d + own)), slots(zeros(stride * run.blocks)), totals(run.blocks),
          sums(stride), constants(k), theta(matrices ? 0 : stride), now(k, d, own), next(k, d, own),
          blocks{run.block_rows, run.blocks, stride, 0, 0, 0} {
        std::copy_n(m.weights, k, now.weights.data());
        std::copy_n(m.means, std::size_t(k) * d, now.means.data());
        std::copy_n(m.covariances, std::size_t(k) * own, now.covariances.data());
        double* first = slots.get();
        if (matrices) out = {first, first + k, first + k + std::int64_t(k) * d, nullptr, nullptr, false, totals.data()};
        else out = {nullptr, nullptr, nullptr, first, nullptr, false, totals.data()};
    }

    void make() {
        m.passes = 0;
        m.status = begin() ? UNFINISHED : SINGULAR;
        if (m.status == SINGULAR) return;
        on_threads(std::min<std::int64_t>(m.n_threads, m.blocks), [this] { take_part(); },
                   [this](int members) { gate.open(members); });
        if (starved) throw std::bad_alloc();
        std::copy_n(now.weights.data(), k, m.weights);
        std::copy_n(now.means.data(), std::size_t(k) * d, m.means);
        std::copy_n(now.covariances.data(), std::size_t(k) * own, m.covariances);
    }

  private:
    // A mixture; until all components are refitted, counts stand for weights.
    struct State {
        std::vector<double> weights, means, covariances, whitening, log_determinants, penalties;
        State(int k, int d, int own)
            : weights(k), means(std::size_t(k) * d), covariances(std::size_t(k) * own), whitening(covariances),
              log_determinants(k), penalties(k) {}
    };
    static constexpr int NUMBERS = 2048;  // of the sums of components that are refitted together

    const DenseRows& given;
    DenseRun& m;
    const int k, d;
    const bool matrices;
    const int own;
    const std::int64_t stride;
    std::unique_ptr<double[], Free> slots;  // of each block: counts, first, second (k of each), or (k, p) of features' sums
    std::vector<double> totals, sums, constants, theta;
    State now, next;
    DenseSums out;
    DenseBlocks blocks;
    Gate gate;
    std::atomic<int> refitted{0};
    std::atomic<bool> unsound{false}, starved{false};

    void take_part() {
        Patience patience;
        for (bool more = true; more;) {
            attempt([this] { dense_pass(given, mixture(), out, blocks); });
            gate.pass(patience, [] {});
            attempt([this] { refit_some(); });
            gate.pass(patience, [this] { finish(); });
            // As it was told at the gate: who is ahead may have too little memory already.
            more = m.status == UNFINISHED && m.passes < m.max_iter;
        }
    }

    // Who has too little memory must come to the gate all the same.
    template <typename Work>
    void attempt(Work work) {
        try {
            work();
        } catch (...) {  // there is nothing else that is thrown
            starved = true;
        }
    }

    DenseMixture mixture() const {
        return {m.form, false, k, now.means.data(), now.whitening.data(), constants.data(), theta.data()};
    }

    void refit_some() {
        const int some = std::max(1, NUMBERS / (1 + d + own));
        std::vector<double> factor(matrices ? own : 0);
        for (int j; (j = refitted.fetch_add(some)) < k;) {
            const int stop = std::min(j + some, k);
            if (matrices) {
                const std::int64_t first = k, second = first + std::int64_t(k) * d;
                add_up(j, stop - j);
                add_up(first + std::int64_t(j) * d, std::int64_t(stop - j) * d);
                add_up(second + std::int64_t(j) * own, std::int64_t(stop - j) * own);
            } else {
                add_up(std::int64_t(j) * (1 + 2 * d), std::int64_t(stop - j) * (1 + 2 * d));
            }
            for (; j < stop; ++j)
                if (!(matrices ? refit_matrix(j, factor.data()) : refit_variances(j))) unsound = true;
        }
    }

    // Some of the numbers of all blocks, which are left empty for the next pass.
    void add_up(std::int64_t start, std::int64_t count) {
        double* to = sums.data() + start;
        std::fill_n(to, count, 0.0);
        for (std::int64_t b = 0; b < m.blocks; ++b) {
            double* from = slots.get() + b * stride + start;
            for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
            std::fill_n(from, count, 0.0);
        }
    }

    bool refit_matrix(int j, double* factor) {
        const double *counts = sums.data(), *first = counts + k, *second = first + std::size_t(k) * d;
        next.weights[j] = counts[j];
        if (!(counts[j] >= m.needed)) return false;
        const FullRefit asked = {k, d, counts, counts, first, second, m.pseudo, false, m.ridge, next.covariances.data(),
                                 next.whitening.data(), next.log_determinants.data()};
        if (!refit_one(asked, j, factor)) return false;
        for (int a = 0; a < d; ++a) {
            const std::size_t here = std::size_t(j) * d + a;
            next.means[here] = now.means[here] + first[here] / counts[j];
        }
        next.penalties[j] = 0.5 * trace_product(m.pseudo, next.whitening.data() + std::size_t(j) * own, d);
        return true;
    }

    bool refit_variances(int j) {
        const double *origin = sums.data() + std::size_t(j) * (1 + 2 * d), count = origin[0];
        next.weights[j] = count;
        if (!(count >= m.needed)) return false;
        for (int a = 0; a < d; ++a) {
            const double first = origin[1 + a], scatter = origin[1 + d + a] - first * (first / count) + m.pseudo[a];
            next.means[std::size_t(j) * d + a] = first / count;
            next.covariances[std::size_t(j) * d + a] = scatter / count + m.ridge[a];
        }
        return whiten_variances(next, j);
    }

    bool whiten_matrix(State& state, int j, double* factor) {
        double *white = state.whitening.data() + std::size_t(j) * own, *log_size = &state.log_determinants[j];
        if (!whiten(state.covariances.data() + std::size_t(j) * own, factor, white, log_size, d)) return false;
        state.penalties[j] = 0.5 * trace_product(m.pseudo, white, d);
        return true;
    }

    bool whiten_variances(State& state, int j) {
        double logarithms = 0.0, products = 0.0;
        for (int a = 0; a < d; ++a) {
            const double variance = state.covariances[std::size_t(j) * d + a];
            if (!(variance > 0.0) || !std::isfinite(variance)) return false;
            state.whitening[std::size_t(j) * d + a] = 1.0 / std::sqrt(variance);
            logarithms += std::log(variance);
            products += m.pseudo[a] / variance;
        }
        state.log_determinants[j] = logarithms;
        state.penalties[j] = 0.5 * products;
        return true;
    }

    bool begin() {
        std::vector<double> factor(matrices ? own : 0);
        for (int j = 0; j < k; ++j)
            if (!(matrices ? whiten_matrix(now, j, factor.data()) : whiten_variances(now, j))) return false;
        return prepare();
    }

    // What rows are scored with; false where they lie too far away for these forms of scores.
    bool prepare() {
        const double log_2pi = 1.83787706640934548356, log_of_nothing = -1e250;
        for (int j = 0; j < k; ++j) {
            const double log_weight = now.weights[j] > 0.0 ? std::log(now.weights[j]) : log_of_nothing;
            constants[j] = log_weight - 0.5 * (d * log_2pi + now.log_determinants[j]);
            if (!(distance(j) <= m.farthest)) return false;
            if (!matrices) expand(j);
        }
        return true;
    }

    // Square of the largest whitened distance that a row may have from the origin.
    double distance(int j) const {
        const double* white = now.whitening.data() + std::size_t(j) * own;
        double square = 0.0;
        for (int a = 0; a < d; ++a) {
            double along = matrices ? 0.0 : white[a] * m.reach[a];
            for (int b = 0; matrices && b <= a; ++b) along += std::fabs(white[a * d + b]) * m.reach[b];
            square += along * along;
        }
        return square;
    }

    // Scores as Θ [1, z, z²].
    void expand(int j) {
        double *to = theta.data() + std::size_t(j) * (1 + 2 * d), offset = 0.0;
        for (int a = 0; a < d; ++a) {
            const double white = now.whitening[std::size_t(j) * d + a], mean = now.means[std::size_t(j) * d + a];
            const double precision = white * white;
            to[1 + a] = mean * precision;
            to[1 + d + a] = -0.5 * precision;
            offset += mean * to[1 + a];
        }
        to[0] = constants[j] - 0.5 * offset;
    }

    void finish() {
        double total = 0.0, lost = 0.0, held = 0.0;
        for (double of_block : totals) {
            // What the sum rounds away is added at the end (Neumaier 1974).
            const double sum = total + of_block;
            lost += std::fabs(total) >= std::fabs(of_block) ? (total - sum) + of_block : (of_block - sum) + total;
            total = sum;
        }
        total += lost;
        for (double penalty : now.penalties) total -= penalty;
        const double objective = total / m.total_weight;
        if (unsound || starved || !std::isfinite(objective)) {
            m.status = SINGULAR;
            return;
        }
        for (double count : next.weights) held += count;
        for (double& weight : next.weights) weight /= held;
        std::swap(now, next);
        m.trace[m.passes++] = objective;
        const bool converged = std::fabs(objective - m.before) < m.tol;
        m.before = objective;
        if (converged) m.status = CONVERGED;
        else if (m.passes < m.max_iter && !prepare()) m.status = SINGULAR;
        blocks.taken = blocks.done = 0;
        refitted = 0;
    }
};

}  // namespace

void dense_run(const DenseRows& rows, DenseRun& run) { PlainPasses(rows, run).make(); }

}  // namespace TARGET
}  // namespace gmmkit
