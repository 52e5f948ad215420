// The covariances of each of the fourteen structures that are most likely given counts n_k and scatters W_k.
//
// Σ_k = λ_k D_k A_k D_kᵀ with volume λ, shape A (|A| = 1) and orientation D, each equal, own, or fixed (Celeux & Govaert
// 1995, "Gaussian parsimonious clustering models", Pattern Recognition 28). Common orientations with own shapes are
// found by rotations in planes, each of which is exactly the best (compare Flury & Gautschi 1986).
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "matrices.hpp"

namespace gmmkit {
namespace TARGET {

enum Structure { EII, VII, EEI, VEI, EVI, VVI, EEE, VEE, EVE, VVE, EEV, VEV, EVV, VVV };

constexpr double INNER_TOLERANCE = 1e-10;
// Fewer turns than full convergence asks for now and then: the next refit goes on from there, and never falls.
constexpr int INNER_MOST = 25, SWEEPS_MOST = 8, FIRST_MORE = 6;
constexpr int SEEK_EACH = 12;  // refits between looks for better axes, after the first ones

// Workspace of one mixture's refits; `axes` is the common orientation that the next one begins with.
struct Refit {
    int k, d, structure;
    std::vector<double> axes;
    bool axes_known = false, sizes_known = false;  // of the last refit: where the next one begins
    int refits = 0;
    std::vector<double> a, v, spectra, shape, sizes, sums, turned;
    const double* units;  // what gives all columns one scale, for structures that are defined in it
    std::vector<double> scaled;

    Refit(int structure_, int k_, int d_, const double* units_)
        : k(k_), d(d_), structure(structure_), axes(d_ * d_), a(d_ * d_), v(std::size_t(k_) * d_ * d_),
          spectra(std::size_t(k_) * d_), shape(d_), sizes(k_), sums(d_ * d_), turned(std::size_t(k_) * d_ * d_), units(nullptr) {
        bool needed = false;
        for (int i = 1; i < d; ++i) needed |= units_[i] != units_[0];
        if (needed && one_scale()) {
            units = units_;
            scaled.resize(std::size_t(k) * d * d);
        }
    }

    bool one_scale() const {
        switch (structure) {
            case EII: case VII: case EVE: case VVE: case EEV: case VEV: return true;
            default: return false;
        }
    }

    // Write Σ (k, d, d); false if the scatters do not determine it.
    bool solve(const double* n, const double* w, double* out) {
        if (units) rescale(w, scaled.data(), false);
        const bool solved = solve_scaled(n, units ? scaled.data() : w, out);
        if (units && solved) rescale(out, out, true);
        ++refits;
        return solved;
    }

    bool solve_scaled(const double* n, const double* w, double* out) {
        switch (structure) {
            case EII: return spheres(n, w, out, true);
            case VII: return spheres(n, w, out, false);
            case EEI: case VEI: case EVI: case VVI: {
                for (int j = 0; j < k; ++j)
                    for (int i = 0; i < d; ++i) spectra[j * d + i] = w[at(j, i, i)];
                if (!spread(n, structure == EEI || structure == EVI, structure == EEI || structure == VEI)) return false;
                for (int j = 0; j < k; ++j)
                    for (int i = 0; i < d; ++i)
                        for (int l = 0; l < d; ++l) out[at(j, i, l)] = i == l ? spectra[j * d + i] : 0.0;
                return true;
            }
            case EEE: case VEE: return common_matrix(n, w, out, structure == EEE);
            case EEV: case VEV: {
                for (int j = 0; j < k; ++j) {
                    std::copy(w + at(j, 0, 0), w + at(j + 1, 0, 0), a.begin());
                    eigen(a.data(), v.data() + at(j, 0, 0), d);
                    for (int i = 0; i < d; ++i) spectra[j * d + i] = a[i * d + i];
                }
                if (!spread(n, structure == EEV, true)) return false;
                for (int j = 0; j < k; ++j) compose(v.data() + at(j, 0, 0), spectra.data() + j * d, out + at(j, 0, 0));
                return true;
            }
            case EVE: case VVE: return common_axes(n, w, out, structure == EVE);
            case EVV: {
                double total = 0.0, volume = 0.0;
                for (int j = 0; j < k; ++j) {
                    if (!cholesky(w + at(j, 0, 0), a.data(), d)) return false;
                    sizes[j] = std::exp(log_determinant(a.data(), d) / d);
                    volume += sizes[j];
                    total += n[j];
                }
                for (int j = 0; j < k; ++j)
                    for (int i = 0; i < d * d; ++i)
                        out[at(j, 0, 0) + i] = w[at(j, 0, 0) + i] / sizes[j] * (volume / total);
                return true;
            }
            default:
                for (int j = 0; j < k; ++j)
                    for (int i = 0; i < d * d; ++i) out[at(j, 0, 0) + i] = w[at(j, 0, 0) + i] / n[j];
                return true;
        }
    }

    // The orientation that covariances of a structure with a common one have.
    void recall(const double* covariances) {
        if (structure != EVE && structure != VVE) return;
        if (units) {
            rescale(covariances, scaled.data(), false);
            covariances = scaled.data();
        }
        // Directions that one component cannot tell apart, another may: no combination by chance has them all equal.
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int j = 0; j < k; ++j) {
            double trace = 0.0;
            for (int i = 0; i < d; ++i) trace += covariances[at(j, i, i)];
            const double share = (1.0 + 0.6180339887 * j - std::floor(0.6180339887 * j)) / trace;
            for (int i = 0; i < d * d; ++i) sums[i] += share * covariances[at(j, 0, 0) + i];
        }
        eigen(sums.data(), axes.data(), d);
        axes_known = true;
    }

  private:
    // Units are powers of two: nothing is rounded.
    void rescale(const double* from, double* to, bool back) const {
        for (int j = 0; j < k; ++j)
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    const double unit = units[p] * units[q];
                    to[at(j, p, q)] = back ? from[at(j, p, q)] / unit : from[at(j, p, q)] * unit;
                }
    }

    int most() const { return (refits ? 1 : FIRST_MORE) * INNER_MOST; }

    std::size_t at(int j, int p, int q) const { return (std::size_t(j) * d + p) * d + q; }

    bool spheres(const double* n, const double* w, double* out, bool equal) {
        double all = 0.0, total = 0.0;
        for (int j = 0; j < k; ++j) {
            sizes[j] = 0.0;
            for (int i = 0; i < d; ++i) sizes[j] += w[at(j, i, i)];
            all += sizes[j];
            total += n[j];
        }
        for (int j = 0; j < k; ++j) {
            const double variance = equal ? all / (total * d) : sizes[j] / (n[j] * d);
            for (int i = 0; i < d; ++i)
                for (int l = 0; l < d; ++l) out[at(j, i, l)] = i == l ? variance : 0.0;
        }
        return true;
    }

    // Turn spectra ω_k (sums of squares along axes) into variances along them, of equal or own volume and shape.
    bool spread(const double* n, bool equal_volume, bool equal_shape) {
        double total = 0.0;
        for (int j = 0; j < k; ++j) total += n[j];
        for (int i = 0; i < k * d; ++i)
            if (!(spectra[i] > 0.0)) return false;
        if (equal_shape) {
            if (equal_volume) {
                for (int i = 0; i < d; ++i) {
                    double all = 0.0;
                    for (int j = 0; j < k; ++j) all += spectra[j * d + i];
                    for (int j = 0; j < k; ++j) spectra[j * d + i] = all / total;
                }
                return true;
            }
            // Volumes and the common shape in turn, from the last volumes or those of spheres on.
            for (int j = 0; j < k && !sizes_known; ++j) {
                sizes[j] = 0.0;
                for (int i = 0; i < d; ++i) sizes[j] += spectra[j * d + i];
                sizes[j] /= n[j] * d;
            }
            for (int turn = 0; turn < most(); ++turn) {
                double logs = 0.0;
                for (int i = 0; i < d; ++i) {
                    shape[i] = 0.0;
                    for (int j = 0; j < k; ++j) shape[i] += spectra[j * d + i] / sizes[j];
                    logs += std::log(shape[i]);
                }
                const double scale = std::exp(-logs / d);
                for (int i = 0; i < d; ++i) shape[i] *= scale;
                double change = 0.0;
                for (int j = 0; j < k; ++j) {
                    double size = 0.0;
                    for (int i = 0; i < d; ++i) size += spectra[j * d + i] / shape[i];
                    size /= n[j] * d;
                    change = std::max(change, std::fabs(size - sizes[j]) / size);
                    sizes[j] = size;
                }
                if (change < INNER_TOLERANCE) break;
            }
            sizes_known = true;
            for (int j = 0; j < k; ++j)
                for (int i = 0; i < d; ++i) spectra[j * d + i] = sizes[j] * shape[i];
            return true;
        }
        if (!equal_volume) {
            for (int j = 0; j < k; ++j)
                for (int i = 0; i < d; ++i) spectra[j * d + i] /= n[j];
            return true;
        }
        double volume = 0.0;
        for (int j = 0; j < k; ++j) {
            double logs = 0.0;
            for (int i = 0; i < d; ++i) logs += std::log(spectra[j * d + i]);
            sizes[j] = std::exp(logs / d);
            volume += sizes[j];
        }
        for (int j = 0; j < k; ++j)
            for (int i = 0; i < d; ++i) spectra[j * d + i] *= volume / total / sizes[j];
        return true;
    }

    bool common_matrix(const double* n, const double* w, double* out, bool equal_volume) {
        double total = 0.0;
        for (int j = 0; j < k; ++j) total += n[j];
        if (equal_volume) {
            for (int i = 0; i < d * d; ++i) {
                sums[i] = 0.0;
                for (int j = 0; j < k; ++j) sums[i] += w[at(j, 0, 0) + i];
            }
            for (int j = 0; j < k; ++j)
                for (int i = 0; i < d * d; ++i) out[at(j, 0, 0) + i] = sums[i] / total;
            return true;
        }
        // Begin with the last volumes, or those the pooled scatter gives each component.
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int j = 0; j < k; ++j)
            for (int i = 0; i < d * d; ++i) sums[i] += w[at(j, 0, 0) + i] / (sizes_known ? sizes[j] : 1.0);
        std::vector<double>& inverse = v;
        double determinant = 0.0;
        for (int turn = 0; turn <= most(); ++turn) {
            if (!cholesky(sums.data(), a.data(), d)) return false;
            determinant = std::exp(log_determinant(a.data(), d) / d);
            inverse_lower(a.data(), inverse.data(), d);
            double change = 0.0;
            for (int j = 0; j < k; ++j) {
                const double size = trace_product(w + at(j, 0, 0), inverse.data(), d) * determinant / (n[j] * d);
                if (!(size > 0.0)) return false;
                change = std::max(change, turn || sizes_known ? std::fabs(size - sizes[j]) / size : 1.0);
                sizes[j] = size;
            }
            sizes_known = true;
            if (change < INNER_TOLERANCE || turn == most()) break;
            std::fill(sums.begin(), sums.end(), 0.0);
            for (int j = 0; j < k; ++j)
                for (int i = 0; i < d * d; ++i) sums[i] += w[at(j, 0, 0) + i] / sizes[j];
        }
        for (int j = 0; j < k; ++j)
            for (int i = 0; i < d * d; ++i) out[at(j, 0, 0) + i] = sizes[j] * sums[i] / determinant;
        return true;
    }

    bool common_axes(const double* n, const double* w, double* out, bool equal_volume) {
        if (refits % SEEK_EACH == 0 || refits == 3) seek_axes(n, w, equal_volume);
        see(w, axes.data());
        for (int sweep = 0;; ++sweep) {
            for (int j = 0; j < k; ++j)
                for (int i = 0; i < d; ++i) spectra[j * d + i] = turned[at(j, i, i)];
            if (!spread(n, equal_volume, false)) return false;
            if (sweep == (refits ? 1 : FIRST_MORE) * SWEEPS_MOST || d == 1) break;
            double largest = 0.0;
            for (int p = 0; p < d; ++p)
                for (int q = p + 1; q < d; ++q) {
                    // Σ_k tr(W_k D Λ_k⁻¹ Dᵀ) is P cos 2θ + Q sin 2θ of the angle in this plane, and a constant.
                    double cosine = 0.0, sine = 0.0;
                    for (int j = 0; j < k; ++j) {
                        const double weight = 1.0 / spectra[j * d + p] - 1.0 / spectra[j * d + q];
                        cosine += 0.5 * weight * (turned[at(j, p, p)] - turned[at(j, q, q)]);
                        sine += weight * turned[at(j, p, q)];
                    }
                    if (sine == 0.0 && cosine <= 0.0) continue;
                    const double angle = 0.5 * std::atan2(-sine, -cosine);
                    if (!(std::fabs(angle) > 1e-15)) continue;
                    largest = std::max(largest, std::fabs(angle));
                    const double c = std::cos(angle), s = std::sin(angle);
                    for (int j = 0; j < k; ++j) turn(turned.data() + at(j, 0, 0), d, p, q, c, s);
                    turn_columns(axes.data(), d, p, q, c, s);
                }
            if (largest < 1e-7) {
                for (int j = 0; j < k; ++j)
                    for (int i = 0; i < d; ++i) spectra[j * d + i] = turned[at(j, i, i)];
                if (!spread(n, equal_volume, false)) return false;
                break;
            }
        }
        for (int j = 0; j < k; ++j) compose(axes.data(), spectra.data() + j * d, out + at(j, 0, 0));
        return true;
    }

    // Q_k = Dᵀ W_k D, the scatters seen along axes.
    void see(const double* w, const double* directions) {
        for (int j = 0; j < k; ++j) {
            const double* matrix = w + at(j, 0, 0);
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    double value = 0.0;
                    for (int r = 0; r < d; ++r) value += matrix[p * d + r] * directions[r * d + q];
                    a[p * d + q] = value;
                }
            for (int p = 0; p < d; ++p)
                for (int q = 0; q < d; ++q) {
                    double value = 0.0;
                    for (int r = 0; r < d; ++r) value += directions[r * d + p] * a[r * d + q];
                    turned[at(j, p, q)] = value;
                }
        }
    }

    // Turning only ever finds the nearest optimum: begin with the best of the axes known, those of all rows within
    // components, and those of each component.
    void seek_axes(const double* n, const double* w, bool equal_volume) {
        double least = 0.0;
        bool found = false;
        auto judge = [&](const double* directions) {
            see(w, directions);
            double value = 0.0;
            for (int j = 0; j < k; ++j) {
                double logs = 0.0;
                for (int i = 0; i < d; ++i) logs += std::log(std::max(turned[at(j, i, i)], 1e-300));
                value += equal_volume ? std::exp(logs / d) : n[j] * logs;
            }
            if (found && !(value < least)) return;
            found = true;
            least = value;
            std::copy(directions, directions + d * d, axes.begin());
        };
        if (axes_known) judge(std::vector<double>(axes).data());
        for (int j = -1; j < k; ++j) {
            std::fill(sums.begin(), sums.end(), 0.0);
            for (int l = 0; l < k; ++l)
                if (j < 0 || l == j)
                    for (int i = 0; i < d * d; ++i) sums[i] += w[at(l, 0, 0) + i];
            eigen(sums.data(), v.data(), d);
            judge(v.data());
        }
        axes_known = true;
    }

    // D diag(λ) Dᵀ
    void compose(const double* directions, const double* variances, double* out) const {
        for (int p = 0; p < d; ++p)
            for (int q = 0; q <= p; ++q) {
                double value = 0.0;
                for (int r = 0; r < d; ++r) value += directions[p * d + r] * variances[r] * directions[q * d + r];
                out[p * d + q] = out[q * d + p] = value;
            }
    }
};

}  // namespace TARGET
}  // namespace gmmkit
