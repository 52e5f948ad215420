// Covariance matrices of their own, refitted to moments: a few columns, where array operations cost more than they do.
#pragma once
#include "dense_api.hpp"
#include "matrices.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Inverse Cholesky factor and log |Σ| of a covariance matrix; false where it has no factor, or one that others might not
// find. `factor`: d × d to work in.
inline bool whiten(const double* covariance, double* factor, double* white, double* log_determinant_, int d) {
    if (!cholesky(covariance, factor, d)) return false;
    for (int i = 0; i < d * d; i += d + 1)
        if (!(factor[i] * factor[i] > rounding_of_pivots(d) * covariance[i])) return false;
    inverse_lower(factor, white, d);
    *log_determinant_ = log_determinant(factor, d);
    return true;
}

// Σ = (second − first firstᵀ / held + pseudo) / count + ridge, whitened; false where it has no factor.
inline bool refit_one(const FullRefit& r, int j, double* factor) {
    const int d = r.d;
    const double *first = r.first + std::size_t(j) * d, *second = r.second + std::size_t(j) * d * d;
    const double* pseudo = r.pseudo + (r.own_pseudo ? std::size_t(j) * d * d : 0);
    const double share = r.held[j] > 0.0 ? 1.0 / r.held[j] : 0.0;
    double* covariance = r.covariances + std::size_t(j) * d * d;
    for (int a = 0; a < d; ++a)
        for (int b = 0; b <= a; ++b) {
            const int here = a * d + b, mirrored = b * d + a;
            // A mean times a sum: the product of two sums of huge weights would not be a number.
            const double scatter = 0.5 * (second[here] + second[mirrored]) - first[a] * share * first[b] +
                                   0.5 * (pseudo[here] + pseudo[mirrored]);
            covariance[here] = covariance[mirrored] = scatter / r.counts[j] + (a == b ? r.ridge[a] : 0.0);
        }
    return whiten(covariance, factor, r.whitening + std::size_t(j) * d * d, r.log_determinants + j, d);
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
