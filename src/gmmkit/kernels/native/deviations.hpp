// Columns that are independent within a component, each component about its own mean: in floats, which have too few
// digits for the expanded form.
#pragma once
#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

template <typename T>
struct DeviationScores {
    // Two sums for each component and column of a tile; components whose distances the registers hold with deviations.
    static constexpr int BESIDE = REGISTERS == 32 ? 3 : 1, COLUMNS = 4, GROUP = REGISTERS == 32 ? 6 : 5;
    const DenseMixture& m;
    int d;
    Array<T> scales;  // of groups of GROUP components, column by column: ROOT/σ and ROOT μ/σ

    static int columns(const DenseMixture&, int d) { return (d + COLUMNS - 1) / COLUMNS * COLUMNS; }
    static int components(const DenseMixture& m) { return (m.k + BESIDE - 1) / BESIDE * BESIDE; }

    DeviationScores(const DenseMixture& mixture, const Tile<T>& tile)
        : m(mixture), d(tile.d), scales(std::size_t((m.k + GROUP - 1) / GROUP) * d * 2 * GROUP, T(0)) {
        for (int j = 0; j < m.k; ++j)
            for (int a = 0; a < d; ++a) {
                const double w = m.whitening[std::size_t(j) * d + a], mean = m.means[std::size_t(j) * d + a];
                T* to = scales.data() + (std::size_t(j / GROUP) * d + a) * 2 * GROUP + j % GROUP;
                to[0] = T(w * ROOT);
                to[GROUP] = T(mean * w * ROOT);
            }
    }

    void score(Tile<T>& tile) const {
        constexpr int W = WIDTH<T>;
        for (int i = 0; i < tile.strips(); i += STRIP<T>) {
            Lanes<T> top[ACROSS];
            for (auto& t : top) t = all<T>(-std::numeric_limits<T>::infinity());
            for (int g = 0; g < m.k; g += GROUP) {
                Lanes<T> distance[GROUP][ACROSS] = {};
                const T* scale = scales.data() + std::size_t(g / GROUP) * d * 2 * GROUP;
                for (int a = 0; a < d; ++a, scale += 2 * GROUP) {
                    Lanes<T> z[ACROSS];
                    for (int c = 0; c < ACROSS; ++c) z[c] = get(tile.column(a) + i + c * W);
                    for (int r = 0; r < GROUP; ++r)
                        for (int c = 0; c < ACROSS; ++c) {
                            const Lanes<T> u = z[c] * scale[r] - scale[GROUP + r];
                            distance[r][c] += u * u;
                        }
                }
                for (int r = 0; r < GROUP && g + r < m.k; ++r)
                    for (int c = 0; c < ACROSS; ++c) {
                        const Lanes<T> s = T(m.constants[g + r] * LOG2_E) - distance[r][c];
                        put(tile.of(g + r) + i + c * W, s);
                        top[c] = greater(top[c], s);
                    }
            }
            for (int c = 0; c < ACROSS; ++c) put(tile.tops.data() + i + c * W, top[c]);
        }
    }
};

template <typename T>
struct DeviationMoments {
    static constexpr int BESIDE = DeviationScores<T>::BESIDE, COLUMNS = DeviationScores<T>::COLUMNS;
    int k, d, wide, tall;
    Array<T> means;  // (tall, wide)
    Array<double> sums, counts;

    DeviationMoments(const DenseMixture& m, const Tile<T>& tile)
        : k(m.k), d(tile.d), wide(DeviationScores<T>::columns(m, d)), tall(DeviationScores<T>::components(m)),
          means(std::size_t(tall) * wide, T(0)), sums(std::size_t(tall) * wide * 2 + WIDTH<T>, 0.0), counts(k, 0.0) {
        for (int j = 0; j < k; ++j)
            for (int a = 0; a < d; ++a) means[std::size_t(j) * wide + a] = T(m.means[std::size_t(j) * d + a]);
    }

    void gather(Tile<T>& tile) {
        const int n = tile.width();
        for (int j = 0; j < k; ++j) {
            Lanes<T> count = {};
            for (int i = 0; i < n; i += WIDTH<T>) {
                const Lanes<T> r = get(tile.of(j) + i) * get(tile.shares.data() + i);
                count += r;
                put(tile.of(j) + i, r);
            }
            counts[j] += sum_of<T>(count);
        }
        for (int a = 0; a < wide; a += COLUMNS)
            for (int j = 0; j < tall; j += BESIDE) add_squares(tile, j, a, n);
    }

    void add_squares(const Tile<T>& tile, int j, int a, int n) {
        Lanes<T> acc[BESIDE][COLUMNS][2] = {};
        for (int i = 0; i < n; i += WIDTH<T>) {
            Lanes<T> z[COLUMNS];
            for (int b = 0; b < COLUMNS; ++b) z[b] = get(tile.column(a + b) + i);
            for (int c = 0; c < BESIDE; ++c) {
                const Lanes<T> r = get(tile.of(j + c) + i);
                for (int b = 0; b < COLUMNS; ++b) {
                    const Lanes<T> deviation = z[b] - means[std::size_t(j + c) * wide + a + b], t = r * deviation;
                    acc[c][b][0] += t;
                    acc[c][b][1] += t * deviation;
                }
            }
        }
        add_sums<BESIDE * COLUMNS * 2, T>(&acc[0][0][0], sums.data() + place(j, a));
    }

    // Of a tile's sums, or of two of them in it.
    std::size_t place(int j, int a) const {
        const std::size_t tile = std::size_t(a / COLUMNS) * (tall / BESIDE) + j / BESIDE;
        return ((tile * BESIDE + j % BESIDE) * COLUMNS + a % COLUMNS) * 2;
    }

    void write(const DenseSums& out) const {
        for (int j = 0; j < k; ++j) {
            out.counts[j] += counts[j];
            for (int a = 0; a < d; ++a) {
                const double* from = sums.data() + place(j, a);
                out.first[std::size_t(j) * d + a] += from[0];
                out.second[std::size_t(j) * d + a] += from[1];
            }
        }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
