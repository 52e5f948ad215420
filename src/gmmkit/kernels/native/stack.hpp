// What is asked of a stack; arrays belong to the caller. Layouts are documented in __init__.py.
#pragma once
#include <cstdint>

#include "status.hpp"

namespace gmmkit {

constexpr int MOST_COLUMNS = 64;

struct Problem {
    const double* z;        // (d, n)
    const double* weights;  // (n), or (count, n) if own_weights
    bool own_weights;
    int n, d, count;
    const std::int32_t* structures;  // (count)
    const std::int32_t* sizes;       // (count)
    const std::int64_t* offsets;     // (count)
    const double* pseudo;            // (count, d, d)
    const double* units;             // (d)
};

struct Run {
    double* mixture_weights;  // (K)
    double* means;            // (K, d)
    double* covariances;      // (K, d, d)
    int max_iter;
    double tol;
    int n_threads;
    double* objectives;        // (count)
    double* log_likelihoods;   // (count)
    double* log_certainties;   // (count)
    std::int32_t* passes;      // (count)
    std::int32_t* status;      // (count)
    double* traces;            // (count, max_iter)
    const volatile std::int32_t* interrupted;  // not 0: leave off, as soon as can be
    bool plain = false;        // plain passes only (plain.hpp); `objectives` then tells what was known before the first,
    double needed = 0.0;       // and a component that holds less weight than this counts as singular
};

}  // namespace gmmkit
