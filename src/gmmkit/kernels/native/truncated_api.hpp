// What is asked of a truncated pass; arrays belong to the caller. Layouts are documented in truncated.py.
#pragma once
#include <cstdint>

namespace gmmkit {

// Columns are padded with zeros to whole vectors, `width` of them.
struct Components {
    int k, d, width, forms;  // forms: rows of `width` for each component: its mean, then its whitening
    bool full;
    const double* constants;   // (k): scores at the means
    const double* parameters;  // (k, forms, width)
    const float* narrow;       // (k, 2, wide), wide a multiple of 16, or null
    const float* errors;       // (k): √d 2⁻²³ κ of each, see truncated_near.hpp, or null
    double slack;              // see `above`
};

struct Candidates {
    const std::int32_t* neighbours;  // (k, n_neighbours)
    int n_neighbours, n_hops, beam, n_random;
    const std::int32_t* entries;  // (n, n_entries): cells
    int n_entries, n_cells;
    const std::int32_t* starts;   // (n_cells + 1): where a cell's members begin
    const std::int32_t* members;  // components
    std::uint64_t key;
};

struct TruncatedRows {
    const double* z;             // (n, width)
    const double* weights;       // (n), or null: all 1
    const std::uint64_t* keys;   // (n)
    int n, truncation;
    std::int32_t* kept;  // (n, truncation), best first; −1: none
    double* values;      // (n): log normalisers
    double* counts;      // (k)
    double* sums;        // (k, forms, width): first moments about the means, then second ones
};

struct Graph {
    const double* spread;      // (k, width) variances, or (k, d, width) covariances
    const double* precisions;  // (k, d, width), of full matrices only
    std::int32_t* found;       // (stop − start, n_found)
    int n_found, start, stop;
};

}  // namespace gmmkit
