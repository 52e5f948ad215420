// Scores linear in features of a row: two products of matrices with the same features.
#pragma once
#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

inline int features(Form form, int d) { return 1 + d + (form == SQUARES ? d : form == RADIAL ? 1 : 0); }

// Here the features are in the order z, |z|² or the squares, 1: the rows of a tile are the first of them.
struct ExpandedScores {
    const DenseMixture& m;
    int d, p;
    Panels<double> theta;
    Array<double> strip;

    static int columns(const DenseMixture& m, int d) { return (features(m.form, d) + DOWN - 1) / DOWN * DOWN; }
    static int components(const DenseMixture& m) { return (m.k + ACROSS - 1) / ACROSS * ACROSS; }

    ExpandedScores(const DenseMixture& mixture, const Tile<double>& tile)
        : m(mixture), d(tile.d), p(features(m.form, d)), theta(ones_last(m, p).data(), m.k, p, false),
          strip(std::size_t(p) * STRIP<double>) {}

    static Array<double> ones_last(const DenseMixture& m, int p) {
        Array<double> turned(std::size_t(m.k) * p);
        for (int j = 0; j < m.k; ++j) {
            const double* from = m.theta + std::size_t(j) * p;
            for (int f = 0; f < p; ++f) turned[std::size_t(j) * p + f] = from[f + 1 < p ? f + 1 : 0] * LOG2_E;
        }
        return turned;
    }

    void score(Tile<double>& tile) {
        constexpr int W = WIDTH<double>, S = STRIP<double>;
        build(tile);
        for (int i = 0; i < tile.strips(); i += S) {
            for (int f = 0; f < p; ++f) std::copy(tile.column(f) + i, tile.column(f) + i + S, strip.data() + f * S);
            Doubles top[ACROSS];
            for (auto& t : top) t = all<double>(-std::numeric_limits<double>::infinity());
            for (int g = 0; g < theta.groups; ++g) {
                Doubles s[DOWN][ACROSS];
                panel_product<DOWN, false, double>(theta.group(g), p, strip.data(), S, nullptr, s);
                for (int r = 0; r < DOWN && g * DOWN + r < m.k; ++r)
                    for (int c = 0; c < ACROSS; ++c) {
                        put(tile.of(g * DOWN + r) + i + c * W, s[r][c]);
                        top[c] = greater(top[c], s[r][c]);
                    }
            }
            for (int c = 0; c < ACROSS; ++c) put(tile.tops.data() + i + c * W, top[c]);
        }
    }

    void build(Tile<double>& tile) const {
        const int n = tile.strips();
        std::fill(tile.column(p - 1), tile.column(p - 1) + n, 1.0);
        if (m.form == SQUARES) {
            for (int j = 0; j < d; ++j)
                for (int i = 0; i < n; ++i) tile.column(d + j)[i] = tile.column(j)[i] * tile.column(j)[i];
        } else if (m.form == RADIAL) {
            std::fill(tile.column(d), tile.column(d) + n, 0.0);
            for (int j = 0; j < d; ++j)
                for (int i = 0; i < n; ++i) tile.column(d)[i] += tile.column(j)[i] * tile.column(j)[i];
        }
    }
};

struct ExpandedSums {
    int k, p, across, down;  // tiles of components, of features
    Array<double> sums;

    ExpandedSums(const DenseMixture& m, const Tile<double>& tile)
        : k(m.k), p(features(m.form, tile.d)), across(ExpandedScores::components(m) / ACROSS),
          down(ExpandedScores::columns(m, tile.d) / DOWN),
          sums(std::size_t(across) * down * ACROSS * DOWN + WIDTH<double>, 0.0) {}

    // The features are multiplied by what the rows count for: there are seldom many more of them than of components.
    void gather(Tile<double>& tile) {
        const int n = tile.width();
        for (int f = 0; f < p; ++f)
            for (int i = 0; i < n; ++i) tile.column(f)[i] *= tile.shares[i];
        // As many components at once as the second cache holds.
        const int some = std::max(1, (1 << 19) / (ACROSS * tile.rows * int(sizeof(double))));
        for (int start = 0; start < across; start += some)
            for (int f = 0; f < down; ++f)
                for (int j = start; j < std::min(start + some, across); ++j)
                    add_dots<DOWN>(tile.of(j * ACROSS), tile.column(f * DOWN), std::size_t(tile.rows), n, place(f, j));
    }

    // Of a tile of features and components.
    double* place(int f, int j) { return sums.data() + (std::size_t(f) * across + j) * ACROSS * DOWN; }

    void write(const DenseSums& out) const {
        for (int j = 0; j < k; ++j) {
            double* to = out.origin + std::size_t(j) * p;
            for (int f = 0; f < p; ++f) {
                const std::size_t tile = std::size_t(f / DOWN) * across + j / ACROSS;
                to[f == p - 1 ? 0 : f + 1] += sums[(tile * ACROSS + j % ACROSS) * DOWN + f % DOWN];
            }
        }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
