// Rows in blocks that stay in the first cache: log-densities of a component, and moments about its mean.
//
// For up to eight columns everything lies in registers (D columns are known when compiled); beyond, products of small
// tiles of matrices. A diagonal structure has no more to do than its variances need.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "stack.hpp"
#include "vector.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int BLOCK = 256;        // rows
constexpr int TILE = 4;           // a tile has 4 × 4 vectors, which sixteen registers hold
constexpr int STRIP = TILE * LANES;

inline int whole_vectors(int n) { return (n + LANES - 1) / LANES * LANES; }

// Columns and a few of zeros, so that tiles are whole.
inline int whole_tiles(int d) { return (d + TILE - 1) / TILE * TILE; }

// Columns padded with zeros to whole vectors.
std::vector<double> padded(const double* rows, int n, int d) {
    const int whole = whole_vectors(n);
    std::vector<double> z(std::size_t(whole) * d, 0.0);
    for (int j = 0; j < d; ++j)
        std::copy(rows + std::size_t(j) * n, rows + std::size_t(j + 1) * n, z.data() + std::size_t(j) * whole);
    return z;
}

// The rows of a mixture, padded with rows of weight 0.
struct Rows {
    int n, d;
    const double* z;
    std::vector<double> weights;
    double total = 0.0, common = 0.0;  // the weight that all rows have but those of weight 0; 0 where they differ

    Rows(const Problem& p, const std::vector<double>& z_, const double* weights_)
        : n(whole_vectors(p.n)), d(p.d), z(z_.data()), weights(padded(weights_, p.n, 1)) {
        double least = 0.0;
        for (int i = 0; i < p.n; ++i) {
            total += weights[i];
            common = std::max(common, weights[i]);
            least = weights[i] > 0.0 && (least == 0.0 || weights[i] < least) ? weights[i] : least;
        }
        if (least != common) common = 0.0;
    }
    Rows(const Rows&) = delete;

    const double* column(int j) const { return z + std::size_t(j) * n; }
};

// Where deviations of a block stand for tiles: (whole_tiles(d), BLOCK).
struct Scratch {
    std::vector<double> deviations, shared;
    explicit Scratch(int d) : deviations(std::size_t(whole_tiles(d)) * BLOCK, 0.0), shared(deviations) {}
};

// Rows' deviations from a mean; zeros beyond the last row, to whole strips.
inline int deviate(const Rows& rows, const double* mean, int start, int stop, double* out) {
    const int held = stop - start, width = (held + STRIP - 1) / STRIP * STRIP;
    for (int j = 0; j < rows.d; ++j) {
        const double* column = rows.column(j) + start;
        double* to = out + std::size_t(j) * BLOCK;
        for (int i = 0; i < held; i += LANES) store(to + i, load(column + i) - mean[j]);
        std::fill(to + held, to + width, 0.0);
    }
    return width;
}

// out ← constant − ½ |W (z − mean)|², W the inverse Cholesky factor with rows of zeros to whole tiles.
template <int D, bool DIAGONAL>
void score(const Rows& rows, const double* mean, const double* w, double constant, int start, int stop, double* out,
           Scratch& scratch) {
    if constexpr (D > 0) {
        for (int i = start; i < stop; i += LANES) {
            Vector deviation[D], distance = broadcast(0.0);
            for (int j = 0; j < D; ++j) {
                deviation[j] = load(rows.column(j) + i) - mean[j];
                Vector y = deviation[j] * w[j * D + j];
                for (int p = 0; !DIAGONAL && p < j; ++p) y += deviation[p] * w[j * D + p];
                distance += y * y;
            }
            store(out + (i - start), constant - 0.5 * distance);
        }
    } else if constexpr (DIAGONAL) {
        for (int i = start; i < stop; i += LANES) {
            Vector distance = broadcast(0.0);
            for (int j = 0; j < rows.d; ++j) {
                const Vector y = (load(rows.column(j) + i) - mean[j]) * w[j * rows.d + j];
                distance += y * y;
            }
            store(out + (i - start), constant - 0.5 * distance);
        }
    } else {
        const int d = rows.d, tall = whole_tiles(d);
        const double* z = scratch.deviations.data();
        const int width = deviate(rows, mean, start, stop, scratch.deviations.data());
        for (int i = 0; i < width; i += STRIP) {
            Vector distance[TILE] = {};
            for (int j = 0; j < tall; j += TILE) {
                Vector y[TILE][TILE] = {};
                for (int p = 0; p < std::min(j + TILE, d); ++p)
                    for (int c = 0; c < TILE; ++c) {
                        const Vector value = load(z + std::size_t(p) * BLOCK + i + c * LANES);
                        for (int r = 0; r < TILE; ++r) y[r][c] += value * w[std::size_t(j + r) * d + p];
                    }
                for (int c = 0; c < TILE; ++c)
                    for (int r = 0; r < TILE; ++r) distance[c] += y[r][c] * y[r][c];
            }
            for (int c = 0; c < TILE; ++c) store(out + i + c * LANES, constant - 0.5 * distance[c]);
        }
    }
}

// Add to sums the moments about the mean (count, first, lower triangle of second) of rows that count r each. Of a
// diagonal structure's second moments only the squares.
template <int D, bool DIAGONAL>
void gather(const Rows& rows, const double* mean, const double* r, int start, int stop, double* sums, Scratch& scratch) {
    if constexpr (D > 0) {
        Vector count = broadcast(0.0), first[D] = {}, second[D * (D + 1) / 2] = {};
        for (int i = start; i < stop; i += LANES) {
            const Vector share = load(r + (i - start));
            Vector deviation[D];
            count += share;
            for (int j = 0; j < D; ++j) {
                deviation[j] = load(rows.column(j) + i) - mean[j];
                const Vector weighted = share * deviation[j];
                first[j] += weighted;
                for (int p = DIAGONAL ? j : 0; p <= j; ++p) second[j * (j + 1) / 2 + p] += weighted * deviation[p];
            }
        }
        sums[0] += sum(count);
        for (int j = 0; j < D; ++j) {
            sums[1 + j] += sum(first[j]);
            for (int p = DIAGONAL ? j : 0; p <= j; ++p)
                sums[1 + D + j * (j + 1) / 2 + p] += sum(second[j * (j + 1) / 2 + p]);
        }
    } else {
        const int d = rows.d, tall = whole_tiles(d);
        double *z = scratch.deviations.data(), *shared = scratch.shared.data();
        const int held = stop - start, width = deviate(rows, mean, start, stop, z);
        double* second = sums + 1 + d;
        Vector count = broadcast(0.0);
        for (int i = 0; i < held; i += LANES) count += load(r + i);
        sums[0] += sum(count);
        for (int j = 0; j < d; ++j) {
            Vector first = broadcast(0.0), square = broadcast(0.0);
            const double* from = z + std::size_t(j) * BLOCK;
            double* to = shared + std::size_t(j) * BLOCK;
            for (int i = 0; i < held; i += LANES) {
                const Vector weighted = load(r + i) * load(from + i);
                store(to + i, weighted);
                first += weighted;
                square += weighted * load(from + i);
            }
            std::fill(to + held, to + width, 0.0);
            sums[1 + j] += sum(first);
            if (DIAGONAL) second[j * (j + 1) / 2 + j] += sum(square);
        }
        for (int j = 0; !DIAGONAL && j < tall; j += TILE)
            for (int p = 0; p <= j; p += TILE) {
                Vector product[TILE][TILE] = {};
                for (int i = 0; i < width; i += LANES)
                    for (int a = 0; a < TILE; ++a) {
                        const Vector left = load(shared + std::size_t(j + a) * BLOCK + i);
                        for (int b = 0; b < TILE; ++b) product[a][b] += left * load(z + std::size_t(p + b) * BLOCK + i);
                    }
                for (int a = 0; a < TILE && j + a < d; ++a)
                    for (int b = 0; b < TILE && p + b <= j + a; ++b)
                        second[std::size_t(j + a) * (j + a + 1) / 2 + p + b] += sum(product[a][b]);
            }
    }
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
