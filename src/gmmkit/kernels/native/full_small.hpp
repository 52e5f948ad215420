// Matrices of a few columns: each row of a triangle is written out, and sums stay in registers.
#pragma once
#include "tile.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int MOST_WRITTEN_OUT = 16;

// Deviations and a column of ones have the moments of a component: second, first and count, in rows of one triangle.
constexpr int row_of(int entry) {
    int row = 0;
    while ((row + 1) * (row + 2) / 2 <= entry) ++row;
    return row;
}
constexpr int column_of(int entry) { return entry - row_of(entry) * (row_of(entry) + 1) / 2; }

template <typename T, int D>
struct SmallFull {
    static constexpr int SUMS = (D + 1) * (D + 2) / 2, AT_ONCE = REGISTERS == 32 ? 24 : 10;
    const DenseMixture& m;
    Array<T> means, white, constants;
    Array<double> sums;
    Array<T> deviations;

    static int columns(const DenseMixture&, int d) { return d; }
    static int components(const DenseMixture& m) { return m.k; }
    SmallFull(const DenseMixture& mixture, const Tile<T>& tile, bool gathers)
        : m(mixture), means(m.means, m.means + std::size_t(m.k) * D), white(std::size_t(m.k) * D * D),
          constants(m.constants, m.constants + m.k), sums(gathers ? std::size_t(m.k) * SUMS + WIDTH<T> : 0, 0.0),
          deviations(std::size_t(D) * tile.rows) {
        for (std::size_t i = 0; i < white.size(); ++i) white[i] = T(m.whitening[i]);
    }

    void score(Tile<T>& tile) const {
        const int n = tile.width(), rows = tile.rows;
        for (int j = 0; j < m.k; ++j) {
            const T *mean = means.data() + j * D, *w = white.data() + std::size_t(j) * D * D, constant = constants[j];
            const T* z = tile.z.data();
            T *to = tile.of(j), *tops = tile.tops.data();
            for (int i = 0; i < n; i += WIDTH<T>) {
                Lanes<T> deviation[D], distance = {};
                each_of<D>([&](auto a) INLINED {
                    deviation[a] = get(z + a * rows + i) - mean[a];
                    Lanes<T> y = deviation[a] * w[a * D + a];
                    each_of<a>([&](auto b) INLINED { y += deviation[b] * w[a * D + b]; });
                    distance += y * y;
                });
                const Lanes<T> s = constant - T(0.5) * distance;
                put(to + i, s);
                put(tops + i, j ? greater(get(tops + i), s) : s);
            }
        }
    }

    void gather(Tile<T>& tile) {
        for (int j = 0; j < m.k; ++j) {
            const T* mean = means.data() + j * D;
            double* to = sums.data() + std::size_t(j) * SUMS;
            if constexpr (SUMS <= AT_ONCE) {
                part<0, SUMS, true>(tile, tile.of(j), mean, to);
            } else {
                for (int a = 0; a < D; ++a)
                    for (int i = 0; i < tile.width(); i += WIDTH<T>)
                        put(deviations.data() + a * tile.rows + i, get(tile.column(a) + i) - mean[a]);
                parts<0>(tile, tile.of(j), mean, to);
            }
        }
    }

    template <int FROM>
    void parts(const Tile<T>& tile, const T* e, const T* mean, double* to) const {
        if constexpr (FROM < SUMS) {
            constexpr int TO = FROM + AT_ONCE < SUMS ? FROM + AT_ONCE : SUMS;
            part<FROM, TO, false>(tile, e, mean, to);
            parts<TO>(tile, e, mean, to);
        }
    }

    // Entries FROM … TO of the triangle, row by row.
    template <int FROM, int TO, bool HERE>
    void part(const Tile<T>& tile, const T* e, const T* mean, double* to) const {
        constexpr int FIRST = row_of(FROM), LAST = row_of(TO - 1), USED = LAST < D ? LAST + 1 : D;
        const int n = tile.width(), rows = tile.rows;
        const T *z = HERE ? tile.z.data() : deviations.data(), *shares = tile.shares.data();
        Lanes<T> acc[TO - FROM] = {};
        for (int i = 0; i < n; i += WIDTH<T>) {
            const Lanes<T> r = get(e + i) * get(shares + i);
            Lanes<T> v[USED];
            each_of<USED>([&](auto b) INLINED {
                v[b] = HERE ? get(z + b * rows + i) - mean[b] : get(z + b * rows + i);
            });
            each_of<LAST - FIRST + 1>([&](auto offset) INLINED {
                constexpr int a = FIRST + offset, start = a * (a + 1) / 2;
                const Lanes<T> t = a < D ? r * v[a < D ? a : 0] : r;
                each_of<a + 1>([&](auto b) INLINED {
                    if constexpr (start + b >= FROM && start + b < TO) {
                        if constexpr (b == D) acc[start + b - FROM] += t;
                        else acc[start + b - FROM] += t * v[b];
                    }
                });
            });
        }
        add_sums<TO - FROM, T>(acc, to + FROM);
    }

    void write(const DenseSums& out) const {
        for (int j = 0; j < m.k; ++j) {
            const double* s = sums.data() + std::size_t(j) * SUMS;
            for (int a = 0; a < D; ++a)
                for (int b = 0; b <= a; ++b) {
                    double* to = out.second + std::size_t(j) * D * D;
                    to[a * D + b] += s[a * (a + 1) / 2 + b];
                    if (a != b) to[b * D + a] += s[a * (a + 1) / 2 + b];
                }
            for (int b = 0; b < D; ++b) out.first[std::size_t(j) * D + b] += s[D * (D + 1) / 2 + b];
            out.counts[j] += s[SUMS - 1];
        }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
