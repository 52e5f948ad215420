// Scores of components with matrices of their own: constant − ½ |W z − W μ|².
#pragma once
#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int FEW_COLUMNS = 3, FEW_COMPONENTS = 8;

// A few columns: each row of a triangle is written out, and a row's values stay in registers.
template <typename T, int D>
struct WrittenScores {
    const DenseMixture& m;
    Array<T> white, offsets, constants;

    static constexpr int BESIDE = 4, SIZE = D * (D + 1) / 2;

    static int columns(const DenseMixture&, int d) { return d; }
    static int components(const DenseMixture& m) { return m.k; }
    static constexpr int entry(int a, int b) { return a * (a + 1) / 2 + b; }

    WrittenScores(const DenseMixture& mixture, const Tile<T>&)
        : m(mixture), white(std::size_t(m.k) * SIZE), offsets(whitened_means<T>(m, D)),
          constants(m.constants, m.constants + m.k) {
        T* to = white.data();
        for (int j = 0; j < m.k; ++j)
            for (int a = 0; a < D; ++a)
                for (int b = 0; b <= a; ++b) *to++ = T(m.whitening[(std::size_t(j) * D + a) * D + b] * ROOT_OF_HALF);
    }

    void score(Tile<T>& tile) const {
        const int n = tile.width(), rows = tile.rows;
        for (int j = 0; j < m.k; ++j) {
            const T *offset = offsets.data() + j * D, *w = white.data() + std::size_t(j) * SIZE;
            const T constant = constants[j];
            const T* z = tile.z.data();
            T *to = tile.of(j), *tops = tile.tops.data();
            for (int i = 0; i < n; i += WIDTH<T>) {
                Lanes<T> v[D], s = all(constant);
                each_of<D>([&](auto a) INLINED { v[a] = get(z + a * rows + i); });
                // Some rows of the triangle in step: one after the other each would wait for its own sum.
                each_of<(D + BESIDE - 1) / BESIDE>([&](auto block) INLINED {
                    constexpr int from = block * BESIDE, count = from + BESIDE < D ? BESIDE : D - from;
                    Lanes<T> y[count];
                    each_of<count>([&](auto r) INLINED { y[r] = v[0] * w[entry(from + r, 0)] - offset[from + r]; });
                    each_of<from + count - 1>([&](auto before) INLINED {
                        constexpr int b = before + 1;
                        each_of<count>([&](auto r) INLINED {
                            if constexpr (b <= from + r) y[r] += v[b] * w[entry(from + r, b)];
                        });
                    });
                    each_of<count>([&](auto r) INLINED { s -= y[r] * y[r]; });
                });
                put(to + i, s);
                put(tops + i, j ? greater(get(tops + i), s) : s);
            }
        }
    }

    // Score and exponentiate: at once where there are few components of few columns.
    void assign(Tile<T>& tile) const {
        if (assigned_at_once<1>(tile)) return;
        score(tile);
        tile.exponentiate();
    }

    template <int K>
    bool assigned_at_once(Tile<T>& tile) const {
        if constexpr (D <= FEW_COLUMNS && K <= FEW_COMPONENTS) {
            if (m.k > K) return assigned_at_once<K + 1>(tile);
            assign_at_once<K>(tile);
            return true;
        }
        return false;
    }

    // What K components make of a vector of rows stays in registers until it is exponentiated.
    template <int K>
    void assign_at_once(Tile<T>& tile) const {
        const int n = tile.width(), rows = tile.rows, lines = tile.lines * WIDTH<T> / n;
        T w[K][SIZE], offset[K][D], constant[K];  // copies, which no store can change
        std::copy_n(white.data(), K * SIZE, w[0]);
        std::copy_n(offsets.data(), K * D, offset[0]);
        std::copy_n(constants.data(), K, constant);
        const T* z = tile.z.data();
        T *to = tile.of(0), *tops = tile.tops.data(), *totals = tile.totals.data();
        for (int i = 0; i < n; i += WIDTH<T>) {
            Lanes<T> v[D], s[K], top, total;
            each_of<D>([&](auto a) INLINED { v[a] = get(z + a * rows + i); });
            each_of<K>([&](auto j) INLINED {
                s[j] = all(constant[j]);
                each_of<D>([&](auto a) INLINED {
                    Lanes<T> y = v[a] * w[j][entry(a, a)] - offset[j][a];
                    each_of<a>([&](auto b) INLINED { y += v[b] * w[j][entry(a, b)]; });
                    s[j] -= y * y;
                });
                if constexpr (j == 0) top = s[0];
                else top = greater(top, s[j]);
            });
            each_of<K>([&](auto j) INLINED { s[j] -= top; });
            exponentials<K>(s);
            each_of<K>([&](auto j) INLINED {
                put(to + j * rows + i, s[j]);
                if constexpr (j == 0) total = s[0];
                else total += s[j];
            });
            put(tops + i, top);
            put(totals + i, total);
            tile.call(i / WIDTH<T> * lines, lines);
        }
    }
};

// Many columns: products of tiles, of the triangles only what is needed.
template <typename T>
struct PanelScores {
    const DenseMixture& m;
    int d;
    Array<T> offsets, strip;
    std::vector<Panels<T>> white;

    static int columns(const DenseMixture&, int d) { return d; }
    static int components(const DenseMixture& m) { return m.k; }

    PanelScores(const DenseMixture& mixture, const Tile<T>& tile)
        : m(mixture), d(tile.d), offsets(whitened_means<T>(m, d)), strip(std::size_t(d) * STRIP<T>) {
        for (int j = 0; j < m.k; ++j) white.emplace_back(m.whitening + std::size_t(j) * d * d, d, d, true, ROOT_OF_HALF);
    }

    void score(Tile<T>& tile) {
        // As many components at a time as have matrices that stay in the second cache.
        const int together = std::max(1, (1 << 20) / int(sizeof(T)) / std::max(1, d * d / 2));
        for (int first = 0; first < m.k; first += together)
            for (int i = 0; i < tile.strips(); i += STRIP<T>) {
                for (int a = 0; a < d; ++a)
                    std::copy(tile.column(a) + i, tile.column(a) + i + STRIP<T>, strip.data() + a * STRIP<T>);
                for (int j = first; j < std::min(first + together, m.k); ++j) score(tile, i, j);
            }
    }

    void score(Tile<T>& tile, int i, int j) {
        const T *offset = offsets.data() + std::size_t(j) * d, constant = T(m.constants[j]);
        const Panels<T>& panels = white[j];
        Lanes<T> s[ACROSS];
        for (auto& one : s) one = all(constant);
        for (int g = 0; g < panels.groups; ++g)
            with_rows(panels.rows(g), [&](auto count) INLINED {
                Lanes<T> y[DOWN][ACROSS];
                panel_product<count, true, T>(panels.group(g), panels.reach(g), strip.data(), STRIP<T>,
                                              offset + g * DOWN, y);
                each_of<count>([&](auto r) INLINED {
                    each_of<ACROSS>([&](auto c) INLINED { s[c] -= y[r][c] * y[r][c]; });
                });
            });
        for (int c = 0; c < ACROSS; ++c) {
            T* top = tile.tops.data() + i + c * WIDTH<T>;
            put(tile.of(j) + i + c * WIDTH<T>, s[c]);
            put(top, j ? greater(get(top), s[c]) : s[c]);
        }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
