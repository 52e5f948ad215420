// Small symmetric matrices, row by row in arrays of d·d doubles; or eight at a time, in the lanes of vectors.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "vector.hpp"

namespace gmmkit {
namespace TARGET {

// What rounding may leave of a pivot that is 0, as a share of the diagonal. Where a pivot is no larger, sums in another
// order may find no factor of the same matrix: LAPACK, when a model is used that a kernel has fitted.
static inline double rounding_of_pivots(int d) { return 4.0 * (d + 1) * std::numeric_limits<double>::epsilon(); }

// Lower Cholesky factor of a; false if a is not positive definite. The strict upper triangle of l is left alone.
static inline bool cholesky(const double* a, double* l, int d) {
    for (int j = 0; j < d; ++j) {
        double diagonal = a[j * d + j];
        for (int p = 0; p < j; ++p) diagonal -= l[j * d + p] * l[j * d + p];
        if (!(diagonal > 0.0) || !std::isfinite(diagonal)) return false;
        const double root = std::sqrt(diagonal);
        l[j * d + j] = root;
        for (int i = j + 1; i < d; ++i) {
            double value = a[i * d + j];
            for (int p = 0; p < j; ++p) value -= l[i * d + p] * l[j * d + p];
            l[i * d + j] = value / root;
        }
    }
    return true;
}

// Inverse of a lower triangular matrix.
static inline void inverse_lower(const double* l, double* w, int d) {
    for (int i = 0; i < d; ++i) {
        for (int j = 0; j < i; ++j) {
            double value = 0.0;
            for (int p = j; p < i; ++p) value -= l[i * d + p] * w[p * d + j];
            w[i * d + j] = value / l[i * d + i];
        }
        w[i * d + i] = 1.0 / l[i * d + i];
        for (int j = i + 1; j < d; ++j) w[i * d + j] = 0.0;
    }
}

static inline double log_determinant(const double* l, int d) {
    double value = 0.0, product = 1.0;
    for (int j = 0; j < d; ++j) {
        product *= l[j * d + j];
        // One logarithm is enough while the product is far from the ends of the numbers.
        if (j + 1 < d && product > 1e-150 && product < 1e150) continue;
        value += std::log(product);
        product = 1.0;
    }
    return 2.0 * value;
}

// tr(A Σ⁻¹) for symmetric A and the inverse Cholesky factor w of Σ: Σ_j w_j A w_jᵀ over rows w_j.
static inline double trace_product(const double* a, const double* w, int d) {
    double value = 0.0;
    for (int j = 0; j < d; ++j)
        for (int p = 0; p <= j; ++p) {
            double inner = 0.0;
            for (int q = 0; q <= j; ++q) inner += a[p * d + q] * w[j * d + q];
            value += w[j * d + p] * inner;
        }
    return value;
}

// Turns rows and columns p and q of symmetric matrices in lanes: A ← Gᵀ A G with G the rotation (c, s).
static inline void turn(double* a, int d, int p, int q, Vector c, Vector s) {
    for (int half = 0; half < 2; ++half) {
        // Columns, then rows.
        const int across = half ? 1 : d, along = half ? d : 1;
        for (int i = 0; i < d; ++i) {
            double *to_x = a + (i * across + p * along) * LANES, *to_y = a + (i * across + q * along) * LANES;
            const Vector x = load(to_x), y = load(to_y);
            store(to_x, c * x + s * y);
            store(to_y, c * y - s * x);
        }
    }
}

// Eigenvectors, as columns of v, of eight symmetric matrices in lanes, by Jacobi's rotations; eigenvalues are left on
// the diagonals of a, in falling order.
static inline void eigen(double* a, double* v, int d) {
    auto at = [d](double* m, int p, int q) { return m + (p * d + q) * LANES; };
    std::fill(v, v + std::size_t(d) * d * LANES, 0.0);
    for (int i = 0; i < d; ++i) store(at(v, i, i), broadcast(1.0));
    for (int sweep = 0; sweep < 40; ++sweep) {
        Vector most = broadcast(0.0);
        for (int p = 0; p < d; ++p)
            for (int q = p + 1; q < d; ++q) {
                const Vector x = load(at(a, p, p)), y = load(at(a, q, q)), off = load(at(a, p, q));
                const Integers turned = off * off > 1e-33 * magnitude(x * y);
                const Vector theta = (x - y) / (turned ? off + off : broadcast(1.0));
                const Vector size = 1.0 / (magnitude(theta) + root(theta * theta + 1.0));
                const Vector t = turned ? (theta < 0.0 ? -size : size) : broadcast(0.0);
                most = larger(most, magnitude(t));
                if (!(-smallest(-magnitude(t)) > 0.0)) continue;
                const Vector c = 1.0 / root(t * t + 1.0), s = t * c;
                turn(a, d, p, q, c, s);
                const Vector rest = turned ? broadcast(0.0) : off;
                store(at(a, p, q), rest);
                store(at(a, q, p), rest);
                for (int i = 0; i < d; ++i) {
                    const Vector left = load(at(v, i, p)), right = load(at(v, i, q));
                    store(at(v, i, p), c * left + s * right);
                    store(at(v, i, q), c * right - s * left);
                }
            }
        if (!(-smallest(-most) > 0.0)) break;
    }
    for (int p = 0; p < d; ++p)
        for (int q = p + 1; q < d; ++q) {
            const Vector x = load(at(a, p, p)), y = load(at(a, q, q));
            const Integers exchanged = y > x;
            store(at(a, p, p), exchanged ? y : x);
            store(at(a, q, q), exchanged ? x : y);
            for (int i = 0; i < d; ++i) {
                const Vector left = load(at(v, i, p)), right = load(at(v, i, q));
                store(at(v, i, p), exchanged ? right : left);
                store(at(v, i, q), exchanged ? left : right);
            }
        }
}

}  // namespace TARGET
}  // namespace gmmkit
