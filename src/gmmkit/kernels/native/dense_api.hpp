// What is asked of a dense pass; arrays belong to the caller. Layouts are documented in dense.py.
#pragma once
#include <cstdint>

namespace gmmkit {

// n rows of d columns, of doubles or floats, with any strides (in values). Read as z = (x − shift) · scale.
struct DenseRows {
    const void* values;
    bool single;
    std::int64_t n;
    int d;
    std::int64_t row_stride, column_stride;
    const double* weights;  // (n), or null: 1 each
    const double *shift, *scale;
};

// How components score: by matrices of their own (MATRICES), by standard deviations of their own (DEVIATIONS, in
// floats); or by Θ ψ(z), with ψ = 1, z (LINEAR), and |z|² (RADIAL), or the squares (SQUARES).
enum Form { MATRICES, DEVIATIONS, LINEAR, RADIAL, SQUARES };

struct DenseMixture {
    Form form;
    bool single;  // compute in floats: MATRICES and DEVIATIONS only
    int k;
    const double* means;      // (k, d), in the frame
    const double* whitening;  // (k, d, d) inverse Cholesky factors, or (k, d) inverse standard deviations
    const double* constants;  // (k), scores at the means
    const double* theta;      // (k, p) for the other forms
};

// What a pass adds to, of its first block; null where it is not asked for.
struct DenseSums {
    double *counts, *first, *second;  // (k), (k, d), (k, d, d) or (k, d): about the means
    double* origin;                   // (k, p): Σ r ψ
    double* scatter;                  // (d, d) or (d): Σ w z zᵀ or Σ w z², if asked for with LINEAR
    bool matrix;                      // which of them
    double* log_likelihood;           // (blocks): Σ w log Σ exp(scores), which is written
};

// A pass in blocks of rows, which whoever takes part takes one by one; each has sums of its own, so that what they come
// to does not depend on who took which.
struct DenseBlocks {
    std::int64_t rows, count;  // of each block but the last; how many there are
    std::int64_t stride;       // doubles between the sums of one block and those of the next
    std::int64_t taken, done;  // changed by all who take part
    std::int64_t failed;       // whether one of them had too little memory

    // The number of the next block; none is left from `count` on.
    std::int64_t take() { return __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED); }
    void finish() { __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE); }
    void fail() { __atomic_store_n(&failed, 1, __ATOMIC_RELEASE); }
    bool has_failed() const { return __atomic_load_n(&failed, __ATOMIC_ACQUIRE); }
    bool is_over() const { return __atomic_load_n(&done, __ATOMIC_ACQUIRE) == count || has_failed(); }
};

// What rows are told; null where it is not asked for. Arrays of n rows, in their order.
struct DenseAnswers {
    double* log_sums;      // (n): log Σ exp(scores)
    double* certainty;     // (n): log of the largest posterior
    double* posterior;     // (n, k)
    double* scores;        // (n, k)
    std::int64_t* labels;  // (n)
    double* largest;       // (d): max |z|
};

// Matrices of their own to be made of moments. `held` are the counts that moments were gathered with; `counts`, above 0,
// what scatters are divided by.
struct FullRefit {
    int k, d;
    const double *held, *counts, *first, *second;  // (k), (k), (k, d), (k, d, d): about any points
    const double* pseudo;                          // (d, d), or (k, d, d) if own_pseudo: added to the scatter
    bool own_pseudo;
    const double* ridge;                                   // (d)
    double *covariances, *whitening, *log_determinants;  // (k, d, d), (k, d, d), (k)
};

// Passes of plain expectation–maximisation, a refit after each. A run that is singular has met a state that cannot be
// scored so, or a component that holds less than it needs: what it leaves then means nothing.
struct DenseRun {
    Form form;  // MATRICES or SQUARES
    int k;
    double *weights, *means, *covariances;  // (k), (k, d), (k, d, d) or (k, d), in the frame: of the last state
    const double *pseudo, *ridge;           // (d, d) or (d): added to each component's scatter; (d): to its variances
    const double* reach;                    // (d): largest |z|
    double farthest;                        // square of the largest whitened distance from the origin
    double total_weight, needed;            // of all rows; of each component
    double tol, before;                     // the objective's change that ends the run; its last value
    std::int64_t block_rows, blocks;
    int max_iter, n_threads;
    double* trace;  // (max_iter): objectives, per unit of weight
    int passes, status;
};

}  // namespace gmmkit
