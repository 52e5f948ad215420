// The covariances of each of the fourteen structures that are most likely given counts n_k and scatters W_k.
//
// Σ_k = λ_k D_k A_k D_kᵀ with volume λ, shape A (|A| = 1) and orientation D, each equal, own, or fixed (Celeux & Govaert
// 1995, "Gaussian parsimonious clustering models", Pattern Recognition 28). Common orientations with own shapes are
// found by rotations in planes, each of which is exactly the best (compare Flury & Gautschi 1986).
//
// Eight components at a time stand in the lanes of vectors: element (p, q) of the matrices of group g begins at
// ((g d + p) d + q) · LANES. Lanes without a component hold count 0, scatter 0 and variances 0; `missing` is 1 there,
// `there` is 1 elsewhere.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "matrices.hpp"

namespace gmmkit {
namespace TARGET {

enum Structure { EII, VII, EEI, VEI, EVI, VVI, EEE, VEE, EVE, VVE, EEV, VEV, EVV, VVV };

static inline bool diagonal_structure(int structure) { return structure <= VVI; }

// What is iterated ends where nothing changes by more than this, or after so many turns: few where the last refit is
// the start, which the next one goes on from; the likelihood never falls.
constexpr double INNER_TOLERANCE = 1e-10, SMALLEST_TURN = 1e-8;
constexpr int FIRST_TURNS = 150, TURNS = 4, FIRST_SWEEPS = 48, SWEEPS = 2;
constexpr int SEEK_EACH = 12;  // refits between looks for better axes, after the first ones

// Where a refit's iterations begin.
struct Begun {
    std::vector<double> axes, sizes;
    bool axes_known = false, sizes_known = false;
};

class Refit {
  public:
    Begun begun;
    bool patient = false;  // iterate from the beginning to the end at every refit: it depends on its moments alone

    Refit(int d_, const double* units_) : d(d_), dd(std::size_t(d_) * d_), units(units_), pooled(dd), factor(dd) {
        for (int i = 1; i < d; ++i) uneven |= units[i] != units[0];
    }

    // Refit k components of a structure from now on.
    void take(int structure_, int k_) {
        k = k_;
        structure = structure_;
        groups = (k + LANES - 1) / LANES;
        refits = 0;
        switch (structure) {
            case EII: case VII: case EVE: case VVE: case EEV: case VEV: one_scale = uneven; break;
            default: one_scale = false;
        }
        if (one_scale) scaled.resize(k * dd);
        const std::size_t lanes = std::size_t(groups) * LANES;
        begun.axes_known = begun.sizes_known = false;
        begun.sizes.assign(lanes, 1.0);
        per_count.assign(lanes, 0.0);
        held.assign(lanes, 0.0);
        missing.assign(lanes, 1.0);
        there.assign(lanes, 0.0);
        std::fill(missing.begin(), missing.begin() + k, 0.0);
        std::fill(there.begin(), there.begin() + k, 1.0);
        spectra.assign(lanes * d, 0.0);
        if (structure == EVE || structure == VVE) begun.axes.resize(dd);
        if (structure >= EVE && structure <= VEV) {
            seen.assign(lanes * dd, 0.0);
            directions.assign(lanes * dd, 0.0);
            half.resize(dd * LANES);
        }
    }

    bool diagonal() const { return diagonal_structure(structure); }

    // Write Σ (k, d, d); false if the scatters do not determine it.
    bool solve(const double* n, const double* w, double* out) {
        if (one_scale) rescale(w, scaled.data(), false);
        total = 0.0;
        for (int j = 0; j < k; ++j) {
            total += held[j] = n[j];
            per_count[j] = 1.0 / (n[j] * d);
        }
        if (patient) {
            begun.sizes_known = false;
            std::fill(begun.sizes.begin(), begun.sizes.end(), 1.0);
        }
        const bool solved = solve_scaled(n, one_scale ? scaled.data() : w, out);
        if (one_scale && solved) rescale(out, out, true);
        if (!solved) begun.axes_known = begun.sizes_known = false;
        ++refits;
        return solved;
    }

    // The orientation that covariances of a structure with a common one have.
    void recall(const double* covariances) {
        if (structure != EVE && structure != VVE) return;
        if (one_scale) {
            rescale(covariances, scaled.data(), false);
            covariances = scaled.data();
        }
        // Directions that one component cannot tell apart, another may: no combination by chance has them all equal.
        std::fill(seen.begin(), seen.begin() + dd * LANES, 0.0);
        for (int j = 0; j < k; ++j) {
            double trace = 0.0;
            for (int i = 0; i < d; ++i) trace += covariances[at(j, i, i)];
            const double share = (1.0 + 0.6180339887 * j - std::floor(0.6180339887 * j)) / trace;
            for (std::size_t i = 0; i < dd; ++i) seen[i * LANES] += share * covariances[j * dd + i];
        }
        eigen(seen.data(), directions.data(), d);
        for (std::size_t i = 0; i < dd; ++i) begun.axes[i] = directions[i * LANES];
        begun.axes_known = true;
    }

  private:
    int k = 0, d, structure = EII, groups = 0, refits = 0;
    std::size_t dd;
    const double* units;  // what gives all columns one scale
    bool uneven = false, one_scale = false;  // whether that changes anything, and for a structure that is defined in it
    double total = 0.0;
    std::vector<double> scaled, pooled, factor, held, per_count, missing, there, spectra, seen, directions, half;

    std::size_t at(int j, int p, int q) const { return (std::size_t(j) * d + p) * d + q; }
    std::size_t lane(int j, int i) const { return (std::size_t(j / LANES) * d + i) * LANES + j % LANES; }
    Vector of(const std::vector<double>& values, int group, int i = 0, int width = 1) const {
        return load(values.data() + (std::size_t(group) * width + i) * LANES);
    }
    double* group(std::vector<double>& values, int g) const { return values.data() + g * dd * LANES; }

    // Units are powers of two: nothing is rounded.
    void rescale(const double* from, double* to, bool back) const {
        for (int j = 0; j < k; ++j)
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    const double unit = units[p] * units[q];
                    to[at(j, p, q)] = back ? from[at(j, p, q)] / unit : from[at(j, p, q)] * unit;
                }
    }

    bool solve_scaled(const double* n, const double* w, double* out) {
        switch (structure) {
            case EII: case VII: return spheres(n, w, out);
            case EEI: case VEI: case EVI: case VVI: return boxes(w, out);
            case EEE: return pool(n, w, out);
            case VEE: return common_matrix(n, w, out);
            case EEV: case VEV: return own_axes(w, out);
            case EVE: case VVE: return common_axes(w, out);
            case EVV: return equal_volumes(w, out);
            default:
                for (int j = 0; j < k; ++j)
                    for (std::size_t i = 0; i < dd; ++i) out[j * dd + i] = w[j * dd + i] / n[j];
                return true;
        }
    }

    bool spheres(const double* n, const double* w, double* out) {
        double all = 0.0;
        for (int j = 0; j < k; ++j) {
            double trace = 0.0;
            for (int i = 0; i < d; ++i) trace += w[at(j, i, i)];
            all += trace;
            out[j * dd] = trace / (n[j] * d);
        }
        for (int j = 0; j < k; ++j) {
            const double variance = structure == EII ? all / (total * d) : out[j * dd];
            std::fill(out + j * dd, out + (j + 1) * dd, 0.0);
            for (int i = 0; i < d; ++i) out[at(j, i, i)] = variance;
        }
        return true;
    }

    bool boxes(const double* w, double* out) {
        for (int j = 0; j < k; ++j)
            for (int i = 0; i < d; ++i) spectra[lane(j, i)] = w[at(j, i, i)];
        if (!spread()) return false;
        std::fill(out, out + k * dd, 0.0);
        for (int j = 0; j < k; ++j)
            for (int i = 0; i < d; ++i) out[at(j, i, i)] = spectra[lane(j, i)];
        return true;
    }

    bool pool(const double*, const double* w, double* out) {
        std::fill(out, out + dd, 0.0);
        for (int j = k - 1; j >= 0; --j)
            for (std::size_t i = 0; i < dd; ++i) out[i] = w[j * dd + i] + (j == k - 1 ? 0.0 : out[i]);
        for (std::size_t i = 0; i < dd; ++i) out[i] /= total;
        for (int j = 1; j < k; ++j) std::copy(out, out + dd, out + j * dd);
        return true;
    }

    // λ_k C with C = Σ_k W_k / (n λ_k) and λ_k = tr(W_k C⁻¹) / (n_k d), in turn.
    bool common_matrix(const double*, const double* w, double* out) {
        double* inverse = out;  // until the end
        const int most = begun.sizes_known ? TURNS : FIRST_TURNS;
        for (int turn = 0;; ++turn) {
            std::fill(pooled.begin(), pooled.end(), 0.0);
            for (int j = 0; j < k; ++j) {
                const double share = 1.0 / (begun.sizes[j] * total);
                for (std::size_t i = 0; i < dd; ++i) pooled[i] += share * w[j * dd + i];
            }
            if (!cholesky(pooled.data(), factor.data(), d)) return false;
            inverse_lower(factor.data(), inverse, d);
            double change = 0.0;
            for (int j = 0; j < k; ++j) {
                const double size = trace_product(w + j * dd, inverse, d) * per_count[j];
                if (!(size > 0.0)) return false;
                change = std::max(change, std::fabs(size - begun.sizes[j]) / size);
                begun.sizes[j] = size;
            }
            if (change < INNER_TOLERANCE || turn + 1 >= most) break;
        }
        begun.sizes_known = true;
        for (int j = 0; j < k; ++j)
            for (std::size_t i = 0; i < dd; ++i) out[j * dd + i] = begun.sizes[j] * pooled[i];
        return true;
    }

    bool equal_volumes(const double* w, double* out) {
        double volume = 0.0;
        for (int j = 0; j < k; ++j) {
            if (!cholesky(w + j * dd, factor.data(), d)) return false;
            volume += begun.sizes[j] = std::exp(log_determinant(factor.data(), d) / d);
        }
        for (int j = 0; j < k; ++j)
            for (std::size_t i = 0; i < dd; ++i) out[j * dd + i] = w[j * dd + i] / begun.sizes[j] * (volume / total);
        return true;
    }

    bool own_axes(const double* w, double* out) {
        into_lanes(w);
        for (int g = 0; g < groups; ++g) {
            eigen(group(seen, g), group(directions, g), d);
            diagonals(g);
        }
        if (!spread()) return false;
        for (int g = 0; g < groups; ++g)
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) {
                    Vector value = broadcast(0.0);
                    for (int r = 0; r < d; ++r)
                        value += of(directions, g, p * d + r, dd) * of(spectra, g, r, d) * of(directions, g, q * d + r, dd);
                    deal(value, g, p, q, out);
                }
        return true;
    }

    bool common_axes(const double* w, double* out) {
        if (!begun.axes_known || refits % SEEK_EACH == 0 || refits == 3) seek_axes(w);
        into_lanes(w);
        for (int g = 0; g < groups; ++g) see(g, begun.axes.data());
        const int most = refits ? SWEEPS : FIRST_SWEEPS;
        for (int sweep = 0;; ++sweep) {
            for (int g = 0; g < groups; ++g) diagonals(g);
            if (!spread()) return false;
            if (sweep == most || turn_axes() < SMALLEST_TURN) break;
        }
        for (int g = 0; g < groups; ++g)
            for (int p = 0; p < d; ++p)
                for (int q = 0; q <= p; ++q) {
                    Vector value = broadcast(0.0);
                    for (int r = 0; r < d; ++r)
                        value += of(spectra, g, r, d) * (begun.axes[p * d + r] * begun.axes[q * d + r]);
                    deal(value, g, p, q, out);
                }
        return true;
    }

    // Turn the axes of each plane to where Σ_k tr(W_k D Λ_k⁻¹ Dᵀ) is least; return the largest turn.
    double turn_axes() {
        double largest = 0.0;
        for (int p = 0; p < d; ++p)
            for (int q = p + 1; q < d; ++q) {
                // Of the angle in this plane it is P cos 2θ + Q sin 2θ, and a constant.
                Vector cosines = broadcast(0.0), sines = broadcast(0.0);
                for (int g = 0; g < groups; ++g) {
                    const Vector weight = (of(spectra, g, q, d) - of(spectra, g, p, d)) /
                                          (of(spectra, g, p, d) * of(spectra, g, q, d) + of(missing, g));
                    cosines += weight * (of(seen, g, p * d + p, dd) - of(seen, g, q * d + q, dd));
                    sines += weight * of(seen, g, p * d + q, dd);
                }
                const double cosine = -0.5 * sum(cosines), sine = -sum(sines), size = std::hypot(cosine, sine);
                if (!(size > 0.0)) continue;
                const double c2 = cosine / size, s2 = sine / size;
                double c, s;
                if (c2 >= 0.0) {
                    c = std::sqrt(0.5 * (1.0 + c2));
                    s = 0.5 * s2 / c;
                } else {
                    s = std::copysign(std::sqrt(0.5 * (1.0 - c2)), s2);
                    c = 0.5 * s2 / s;
                }
                if (!(std::fabs(s) > 1e-15)) continue;
                largest = std::max(largest, std::fabs(s));
                for (int g = 0; g < groups; ++g) turn(group(seen, g), d, p, q, broadcast(c), broadcast(s));
                for (int i = 0; i < d; ++i) {
                    const double x = begun.axes[i * d + p], y = begun.axes[i * d + q];
                    begun.axes[i * d + p] = c * x + s * y;
                    begun.axes[i * d + q] = c * y - s * x;
                }
            }
        return largest;
    }

    // Turning only ever finds the nearest optimum: begin with the best of the axes known, those of all rows within
    // components, and those of each component.
    void seek_axes(const double* w) {
        double least = 0.0;
        bool found = false;
        std::vector<double> candidate(dd), best(dd), own(std::size_t(groups) * LANES * dd);
        auto judge = [&] {
            into_lanes(w);
            double value = 0.0;
            Vector values = broadcast(0.0);
            for (int g = 0; g < groups; ++g) {
                see(g, candidate.data());
                Vector logs = broadcast(0.0);
                for (int i = 0; i < d; ++i)
                    logs += logarithm(larger(of(seen, g, i * d + i, dd), broadcast(1e-300)) + of(missing, g));
                values += structure == EVE ? exponential(logs * (1.0 / d)) * of(there, g) : of(held, g) * logs;
            }
            value = sum(values);
            if (found && !(value < least)) return;
            found = true;
            least = value;
            best = candidate;
        };
        if (begun.axes_known) {
            candidate = begun.axes;
            judge();
        }
        std::fill(seen.begin(), seen.begin() + dd * LANES, 0.0);
        for (std::size_t i = 0; i < dd; ++i)
            for (int j = 0; j < k; ++j) seen[i * LANES] += w[j * dd + i];
        eigen(seen.data(), directions.data(), d);
        for (std::size_t i = 0; i < dd; ++i) candidate[i] = directions[i * LANES];
        judge();
        into_lanes(w);
        for (int g = 0; g < groups; ++g) eigen(group(seen, g), group(directions, g), d);
        own = directions;
        for (int j = 0; j < k; ++j) {
            for (std::size_t i = 0; i < dd; ++i) candidate[i] = own[(j / LANES * dd + i) * LANES + j % LANES];
            judge();
        }
        begun.axes = best;
        begun.axes_known = true;
    }

    // Turn spectra ω_k (sums of squares along axes) into variances along them, of equal or own volume and shape.
    bool spread() {
        Vector least = broadcast(1.0);
        for (int g = 0; g < groups; ++g)
            for (int i = 0; i < d; ++i) {
                const Vector value = of(spectra, g, i, d) + of(missing, g);
                least = value < least ? value : least;
                // What is not a number is not positive.
                least = value == value ? least : broadcast(-1.0);
            }
        if (!(smallest(least) > 0.0)) return false;
        switch (structure) {
            case EEI: case EEV:
                for (int i = 0; i < d; ++i) {
                    Vector all = broadcast(0.0);
                    for (int g = 0; g < groups; ++g) all += of(spectra, g, i, d);
                    const Vector variance = broadcast(sum(all) / total);
                    for (int g = 0; g < groups; ++g) store(spectrum(g, i), variance * of(there, g));
                }
                return true;
            case VEI: case VEV: return proportional();
            case VVI: case VVE:
                for (int g = 0; g < groups; ++g)
                    for (int i = 0; i < d; ++i)
                        store(spectrum(g, i), of(spectra, g, i, d) * of(per_count, g) * double(d));
                return true;
            default: {
                Vector volumes = broadcast(0.0);
                for (int g = 0; g < groups; ++g) {
                    Vector logs = broadcast(0.0);
                    for (int i = 0; i < d; ++i) logs += logarithm(of(spectra, g, i, d) + of(missing, g));
                    const Vector size = exponential(logs * (1.0 / d));
                    store(begun.sizes.data() + g * LANES, size);
                    volumes += size * of(there, g);
                }
                const double volume = sum(volumes) / total;
                for (int g = 0; g < groups; ++g)
                    for (int i = 0; i < d; ++i)
                        store(spectrum(g, i), of(spectra, g, i, d) * (volume / of(begun.sizes, g)));
                return true;
            }
        }
    }

    // λ_k a_i with a_i = Σ_k ω_ki / (n λ_k) and λ_k = Σ_i ω_ki / (n_k d a_i), in turn.
    bool proportional() {
        const int most = begun.sizes_known ? TURNS : FIRST_TURNS;
        for (int turn = 0;; ++turn) {
            std::fill(pooled.begin(), pooled.begin() + d, 0.0);
            for (int g = 0; g < groups; ++g) {
                const Vector inverse = 1.0 / of(begun.sizes, g);
                for (int i = 0; i < d; ++i) pooled[i] += sum(of(spectra, g, i, d) * inverse);
            }
            for (int i = 0; i < d; ++i) pooled[i] /= total;
            Vector change = broadcast(0.0);
            for (int g = 0; g < groups; ++g) {
                Vector size = broadcast(0.0);
                for (int i = 0; i < d; ++i) size += of(spectra, g, i, d) * (1.0 / pooled[i]);
                size = size * of(per_count, g) + of(missing, g);
                change = larger(change, magnitude(size - of(begun.sizes, g)) / size);
                store(begun.sizes.data() + g * LANES, size);
            }
            if (turn + 1 >= most || -smallest(-change) < INNER_TOLERANCE) break;
        }
        begun.sizes_known = true;
        for (int g = 0; g < groups; ++g)
            for (int i = 0; i < d; ++i) store(spectrum(g, i), of(begun.sizes, g) * of(there, g) * pooled[i]);
        return true;
    }

    double* spectrum(int g, int i) { return spectra.data() + (std::size_t(g) * d + i) * LANES; }

    void into_lanes(const double* w) {
        for (int j = 0; j < k; ++j) {
            double* to = group(seen, j / LANES) + j % LANES;
            for (std::size_t i = 0; i < dd; ++i) to[i * LANES] = w[j * dd + i];
        }
        for (int j = k; j < groups * LANES; ++j) {
            double* to = group(seen, j / LANES) + j % LANES;
            for (std::size_t i = 0; i < dd; ++i) to[i * LANES] = 0.0;
        }
    }

    void diagonals(int g) {
        for (int i = 0; i < d; ++i) store(spectrum(g, i), of(seen, g, i * d + i, dd));
    }

    // Elements (p, q) and (q, p) of a group's matrices.
    void deal(Vector value, int g, int p, int q, double* out) const {
        for (int j = g * LANES; j < std::min(k, (g + 1) * LANES); ++j)
            out[at(j, p, q)] = out[at(j, q, p)] = value[j - g * LANES];
    }

    // Dᵀ W_k D, the scatters seen along axes, for those in `seen`.
    void see(int g, const double* axes) {
        double* matrices = group(seen, g);
        for (int turn = 0; turn < 2; ++turn) {
            // half ← (W D)ᵀ, then its like again: Dᵀ W D, as W is symmetric.
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    Vector value = broadcast(0.0);
                    for (int r = 0; r < d; ++r) value += load(matrices + (p * d + r) * LANES) * axes[r * d + q];
                    store(half.data() + (q * d + p) * LANES, value);
                }
            std::copy(half.begin(), half.end(), matrices);
        }
    }
};

}  // namespace TARGET
}  // namespace gmmkit
