// One mixture: a pass over the rows, and the refit to what it gathered.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "passes.hpp"
#include "structures.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr double LOG_2PI = 1.83787706640934548356;
constexpr double EPSILON = 2.220446049250313e-16;
constexpr double NOWHERE = -std::numeric_limits<double>::infinity();

struct Evaluation {
    double objective = NOWHERE, log_likelihood = 0.0, log_certainty = 0.0;
    bool sound = false;
};

// Sums for each component of count, first moments and lower triangle of second moments, about points; linear in the
// responsibilities, so that steps can be stretched.
struct Moments {
    std::vector<double> sums, points;
    double objective;
};

struct Parameters {
    std::vector<double> weights, means, covariances;
};

// One thread runs many: its arrays are used again, so that taking up another costs no more than filling them.
struct Mixture {
    const Rows* rows = nullptr;
    int k = 0, d, t;  // t sums for each component
    std::size_t stride;  // of a component's whitening matrix
    const double* pseudo = nullptr;
    double floor = 0.0, penalty = 0.0;  // Σ_j tr(pseudo Σ_j⁻¹)
    Parameters at;
    std::vector<double> whitening, constants, scores, around, scatter, counts, factor, lanes;
    Refit refit;
    Scratch scratch;

    Mixture(int d_, const double* units)
        : d(d_), t(1 + d_ + d_ * (d_ + 1) / 2), stride(std::size_t(whole_tiles(d_)) * d_), factor(std::size_t(d_) * d_),
          lanes(std::size_t(d_) * d_ * LANES), refit(d_, units), scratch(d_) {}

    void take(const Rows& r, int structure, int k_, const double* pseudo_) {
        rows = &r;
        k = k_;
        pseudo = pseudo_;
        floor = 10.0 * EPSILON * std::min(1.0, r.total / std::max(1, r.n));
        whitening.assign(k * stride, 0.0);
        constants.resize(k);
        scores.resize(std::size_t(k) * BLOCK);
        around.resize(std::size_t(k) * t);
        scatter.resize(std::size_t(k) * d * d);
        counts.resize(k);
        refit.take(structure, k);
        at.weights.resize(k);
        at.means.resize(std::size_t(k) * d);
        at.covariances.resize(std::size_t(k) * d * d);
    }

    double* mean(int j) { return at.means.data() + std::size_t(j) * d; }
    double* covariance(int j) { return at.covariances.data() + std::size_t(j) * d * d; }
    double* white(int j) { return whitening.data() + j * stride; }
    double* sums_of(int j) { return around.data() + std::size_t(j) * t; }

    // Factor the covariances, eight components in the lanes of vectors; false if one is not positive definite.
    bool prepare() {
        penalty = 0.0;
        for (int start = 0; start < k; start += LANES) {
            const int held = std::min(LANES, k - start);
            // What no component stands in is a unit matrix.
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) {
                    double* to = element(p, q);
                    for (int j = 0; j < LANES; ++j) to[j] = j < held ? covariance(start + j)[p * d + q] : double(p == q);
                }
            Vector logs;
            if (!(refit.diagonal() ? invert_variances(logs) : invert_factors(logs))) return false;
            Vector trace = broadcast(0.0), weight = broadcast(1.0);
            for (int r = 0; r < d; ++r)
                for (int p = refit.diagonal() ? r : 0; p <= r; ++p) {
                    Vector inner = broadcast(0.0);
                    for (int q = refit.diagonal() ? r : 0; q <= r; ++q) inner += pseudo[p * d + q] * load(element(r, q));
                    trace += load(element(r, p)) * inner;
                    for (int j = 0; j < held; ++j) white(start + j)[r * d + p] = element(r, p)[j];
                }
            for (int j = 0; j < held; ++j) weight[j] = std::max(at.weights[start + j], 1e-300);
            const Vector constant = logarithm(weight) + logs - 0.5 * d * LOG_2PI;
            for (int j = 0; j < held; ++j) {
                constants[start + j] = at.weights[start + j] > 0.0 ? constant[j] : -1e300;
                penalty += trace[j];
            }
        }
        return true;
    }

    // One pass: objectives at the parameters, and moments about the means in `around`.
    template <int D, bool DIAGONAL>
    Evaluation pass() {
        if (!prepare()) return {};
        std::fill(around.begin(), around.end(), 0.0);
        // The likelihood is Σ w (top + log Σ exp(score − top)); the largest share of a row is 1 / Σ exp(score − top).
        Vector tops = broadcast(0.0), logs = broadcast(0.0);
        for (int start = 0; start < rows->n; start += BLOCK) {
            const int stop = std::min(start + BLOCK, rows->n);
            for (int j = 0; j < k; ++j)
                score<D, DIAGONAL>(*rows, mean(j), white(j), constants[j], start, stop, scores_of(j), scratch);
            Vector product = broadcast(1.0);
            for (int i = 0; i < stop - start; i += LANES) {
                Vector top = load(scores_of(0) + i);
                for (int j = 1; j < k; ++j) top = larger(top, load(scores_of(j) + i));
                Vector total = broadcast(0.0);
                for (int j = 0; j < k; ++j) {
                    const Vector value = exponential(load(scores_of(j) + i) - top);
                    total += value;
                    store(scores_of(j) + i, value);
                }
                const Vector weight = load(rows->weights.data() + start + i), share = weight / total;
                for (int j = 0; j < k; ++j) store(scores_of(j) + i, load(scores_of(j) + i) * share);
                tops += weight * top;
                if (rows->common > 0.0) product *= weight > 0.0 ? total : broadcast(1.0);
                else logs += weight * logarithm(total);
            }
            // Of equal weights one logarithm a block is enough: no total is larger than k.
            if (rows->common > 0.0) logs += rows->common * logarithm(product);
            for (int j = 0; j < k; ++j)
                gather<D, DIAGONAL>(*rows, mean(j), scores_of(j), start, stop, sums_of(j), scratch);
        }
        const double log_likelihood = sum(tops) + sum(logs);
        return {(log_likelihood - 0.5 * penalty) / rows->total, log_likelihood, -sum(logs), true};
    }

    // The most probable component of each row; of equals the first.
    template <int D, bool DIAGONAL>
    void most_probable(std::int32_t* labels, int n) {
        for (int start = 0; start < rows->n; start += BLOCK) {
            const int stop = std::min(start + BLOCK, rows->n), held = std::min(stop, n) - start;
            for (int j = 0; j < k; ++j)
                score<D, DIAGONAL>(*rows, mean(j), white(j), constants[j], start, stop, scores_of(j), scratch);
            double* best = scores_of(0);
            for (int j = 1; j < k; ++j) {
                const double* score = scores_of(j);
                for (int i = 0; i < held; ++i) {
                    labels[start + i] = score[i] > best[i] ? j : labels[start + i];
                    best[i] = score[i] > best[i] ? score[i] : best[i];
                }
            }
        }
    }

    // Moments about the means, from hard labels. About one of a group's rows first: no digits are lost far away.
    template <int D, bool DIAGONAL>
    void tally(const std::int32_t* labels, int n) {
        std::fill(around.begin(), around.end(), 0.0);
        std::fill(at.means.begin(), at.means.end(), 0.0);
        for (int i = n - 1; i >= 0; --i)
            for (int p = 0; p < d; ++p) mean(labels[i])[p] = rows->column(p)[i];
        bool near = false;
        for (int turn = 0; turn < 2 && !near; ++turn) {
            for (int start = 0; start < rows->n; start += BLOCK) {
                const int stop = std::min(start + BLOCK, rows->n), held = std::min(stop, n) - start;
                double* chosen = scores_of(0);
                for (int j = 0; j < k; ++j) {
                    for (int i = 0; i < held; ++i) chosen[i] = labels[start + i] == j ? rows->weights[start + i] : 0.0;
                    std::fill(chosen + held, chosen + (stop - start), 0.0);
                    gather<D, DIAGONAL>(*rows, mean(j), chosen, start, stop, sums_of(j), scratch);
                }
            }
            near = true;
            for (int j = 0; j < k && near; ++j) {
                const double* s = sums_of(j);
                for (int p = 0; p < d; ++p) near &= s[1 + p] * s[1 + p] <= 0.999 * s[0] * s[1 + d + p * (p + 3) / 2];
            }
            if (near || turn) break;
            for (int j = 0; j < k; ++j)
                for (int p = 0; p < d; ++p) mean(j)[p] += sums_of(j)[1 + p] / std::max(sums_of(j)[0], 1e-300);
            std::fill(around.begin(), around.end(), 0.0);
        }
    }

    // Set the parameters from moments about points; false if they do not determine them.
    template <int D, bool DIAGONAL>
    bool step(const std::vector<double>& sums, const std::vector<double>& points) {
        const int d = D > 0 ? D : this->d, t = 1 + d + d * (d + 1) / 2;
        double total = 0.0;
        for (int j = 0; j < k; ++j) total += counts[j] = sums[std::size_t(j) * t] + floor;
        for (int j = 0; j < k; ++j) {
            const double* s = sums.data() + std::size_t(j) * t;
            const double* point = points.data() + std::size_t(j) * d;
            spread<D, DIAGONAL>(s, scatter.data() + std::size_t(j) * d * d);
            // What holds no rows stays where it is.
            const double held = std::max(s[0], 1e-300);
            for (int p = 0; p < d; ++p) at.means[std::size_t(j) * d + p] = point[p] + s[1 + p] / held;
            at.weights[j] = counts[j] / total;
        }
        return refit.solve(counts.data(), scatter.data(), at.covariances.data());
    }

    // Moments of a stretched step, T₁ + 2a (T₂ − T₁) + a² (T₃ − 2T₂ + T₁), about T₃'s points; false if they are of no
    // mixture.
    template <int D, bool DIAGONAL>
    bool stretch(const Moments (&past)[3], double a, std::vector<double>& out) {
        const int d = D > 0 ? D : this->d, t = 1 + d + d * (d + 1) / 2;
        const double share[3] = {(1.0 - a) * (1.0 - a), 2.0 * a * (1.0 - a), a * a};
        out.assign(std::size_t(k) * t, 0.0);
        for (int j = 0; j < k; ++j) {
            const double* point = past[2].points.data() + std::size_t(j) * d;
            double* s = out.data() + std::size_t(j) * t;
            for (int e = 0; e < 3; ++e) {
                const double* sums = past[e].sums.data() + std::size_t(j) * t;
                const double* own = past[e].points.data() + std::size_t(j) * d;
                for (int p = 0; p < d; ++p)
                    for (int q = DIAGONAL ? p : 0; q <= p; ++q) {
                        const double x = own[p] - point[p], y = own[q] - point[q];
                        const int place = 1 + d + p * (p + 1) / 2 + q;
                        s[place] += share[e] * (sums[place] + x * sums[1 + q] + y * (sums[1 + p] + x * sums[0]));
                    }
                for (int p = 0; p < d; ++p) s[1 + p] += share[e] * (sums[1 + p] + (own[p] - point[p]) * sums[0]);
                s[0] += share[e] * sums[0];
            }
            if (!(s[0] > 0.0)) return false;
            spread<D, DIAGONAL>(s, scatter.data());
            if (DIAGONAL) {
                for (int p = 0; p < d; ++p)
                    if (!(scatter[p * d + p] > 0.0)) return false;
            } else if (!cholesky(scatter.data(), factor.data(), d)) {
                return false;
            }
        }
        return true;
    }

    // Log-likelihood, per unit of weight and penalised, of rows and the hard labels just refitted to.
    double classification() {
        double value = 0.0;
        for (int j = 0; j < k; ++j) {
            const double *w = white(j), *s = scatter.data() + std::size_t(j) * d * d;
            double trace = 0.0;
            if (refit.diagonal()) {
                for (int p = 0; p < d * d; p += d + 1) trace += s[p] * w[p] * w[p];
            } else {
                trace = trace_product(s, w, d);
            }
            value += counts[j] * constants[j] - 0.5 * trace;
        }
        return value / rows->total;
    }

  private:
    double* element(int p, int q) { return lanes.data() + (p * d + q) * LANES; }

    // Put the inverse roots of variances in the lanes, and ½ log of the determinant's inverse into `logs`.
    bool invert_variances(Vector& logs) {
        logs = broadcast(0.0);
        for (int p = 0; p < d; ++p) {
            const Vector variance = load(element(p, p));
            if (!all_positive(variance)) return false;
            logs -= 0.5 * logarithm(variance);
            store(element(p, p), 1.0 / root(variance));
        }
        return true;
    }

    // The same with the inverses of Cholesky factors.
    bool invert_factors(Vector& logs) {
        logs = broadcast(0.0);
        for (int j = 0; j < d; ++j) {
            const Vector whole = load(element(j, j));
            Vector diagonal = whole;
            for (int p = 0; p < j; ++p) diagonal -= load(element(j, p)) * load(element(j, p));
            if (!all_positive(diagonal - rounding_of_pivots(d) * whole)) return false;
            logs -= 0.5 * logarithm(diagonal);
            // Inverses stand on the diagonal from now on.
            const Vector inverse = 1.0 / root(diagonal);
            store(element(j, j), inverse);
            for (int i = j + 1; i < d; ++i) {
                Vector value = load(element(i, j));
                for (int p = 0; p < j; ++p) value -= load(element(i, p)) * load(element(j, p));
                store(element(i, j), value * inverse);
            }
        }
        for (int j = 0; j < d; ++j)
            for (int i = j + 1; i < d; ++i) {
                Vector value = broadcast(0.0);
                for (int p = j; p < i; ++p) value -= load(element(i, p)) * load(element(p, j));
                store(element(i, j), value * load(element(i, i)));
            }
        return true;
    }

    double* scores_of(int j) { return scores.data() + std::size_t(j) * BLOCK; }

    // A component's scatter about its mean, with the prior's share.
    template <int D, bool DIAGONAL>
    void spread(const double* s, double* w) const {
        const int d = D > 0 ? D : this->d;
        const double share = 1.0 / std::max(s[0], 1e-300);
        const double* second = s + 1 + d;
        for (int p = 0; p < d; ++p)
            for (int q = DIAGONAL ? p : 0; q <= p; ++q)
                w[p * d + q] = w[q * d + p] = second[p * (p + 1) / 2 + q] - s[1 + p] * s[1 + q] * share + pseudo[p * d + q];
    }
};

template <bool B>
using Flag = std::integral_constant<bool, B>;
template <int D>
using Columns = std::integral_constant<int, D>;

// Call work(Columns, Flag) with what is known of a mixture when compiled.
template <typename Work>
auto specialised(const Mixture& m, Work work) {
    auto with = [&](auto columns) { return m.refit.diagonal() ? work(columns, Flag<true>()) : work(columns, Flag<false>()); };
    switch (m.d) {
        case 1: return work(Columns<1>(), Flag<false>());
        case 2: return work(Columns<2>(), Flag<false>());
        case 3: return with(Columns<3>());
        case 4: return with(Columns<4>());
        case 5: return with(Columns<5>());
        case 6: return with(Columns<6>());
        case 7: return with(Columns<7>());
        case 8: return with(Columns<8>());
        default: return with(Columns<0>());
    }
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
