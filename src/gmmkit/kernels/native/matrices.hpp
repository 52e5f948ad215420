// Small symmetric matrices, row by row in arrays of d·d doubles.
#pragma once
#include <cmath>
#include <vector>

namespace gmmkit {
namespace TARGET {

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
    double value = 0.0;
    for (int j = 0; j < d; ++j) value += std::log(l[j * d + j]);
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

// Turns rows and columns p and q of a symmetric matrix: A ← Gᵀ A G with G the rotation (c, s).
static inline void turn(double* a, int d, int p, int q, double c, double s) {
    for (int i = 0; i < d; ++i) {
        const double x = a[i * d + p], y = a[i * d + q];
        a[i * d + p] = c * x + s * y;
        a[i * d + q] = c * y - s * x;
    }
    for (int i = 0; i < d; ++i) {
        const double x = a[p * d + i], y = a[q * d + i];
        a[p * d + i] = c * x + s * y;
        a[q * d + i] = c * y - s * x;
    }
}

// Turns columns p and q of a matrix of directions.
static inline void turn_columns(double* v, int d, int p, int q, double c, double s) {
    for (int i = 0; i < d; ++i) {
        const double x = v[i * d + p], y = v[i * d + q];
        v[i * d + p] = c * x + s * y;
        v[i * d + q] = c * y - s * x;
    }
}

// Eigenvalues (on the diagonal of a, which is overwritten) and eigenvectors (columns of v), by Jacobi's rotations;
// in falling order.
static inline void eigen(double* a, double* v, int d) {
    for (int i = 0; i < d * d; ++i) v[i] = 0.0;
    for (int i = 0; i < d; ++i) v[i * d + i] = 1.0;
    for (int sweep = 0; sweep < 40; ++sweep) {
        bool done = true;
        for (int p = 0; p < d; ++p)
            for (int q = p + 1; q < d; ++q) {
                const double off = a[p * d + q];
                const double size = std::sqrt(std::fabs(a[p * d + p] * a[q * d + q]));
                if (!(std::fabs(off) > 1e-17 * size) || off == 0.0) continue;
                done = false;
                const double theta = (a[p * d + p] - a[q * d + q]) / (2.0 * off);
                const double t = (theta >= 0 ? 1.0 : -1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1.0));
                const double c = 1.0 / std::sqrt(t * t + 1.0), s = t * c;
                turn(a, d, p, q, c, s);
                a[p * d + q] = a[q * d + p] = 0.0;
                turn_columns(v, d, p, q, c, s);
            }
        if (done) break;
    }
    for (int i = 0; i < d; ++i) {
        int top = i;
        for (int j = i + 1; j < d; ++j)
            if (a[j * d + j] > a[top * d + top]) top = j;
        if (top != i) {
            std::swap(a[i * d + i], a[top * d + top]);
            for (int r = 0; r < d; ++r) std::swap(v[r * d + i], v[r * d + top]);
        }
    }
}

}  // namespace TARGET
}  // namespace gmmkit
