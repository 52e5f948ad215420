// Scores of components with matrices of their own: constant − ½ |W z − W μ|², to base 2.
#pragma once
#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int FEW_COLUMNS = 3, FEW_COMPONENTS = 8;
// What powers are added up to at least: of what is nothing beside it the last bits do not count.
template <typename T> constexpr T LEAST = std::is_same_v<T, double> ? T(0x1p-900) : T(0x1p-100);

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
          constants(constants_of<T>(m)) {
        T* to = white.data();
        for (int j = 0; j < m.k; ++j)
            for (int a = 0; a < D; ++a)
                for (int b = 0; b <= a; ++b) *to++ = T(m.whitening[(std::size_t(j) * D + a) * D + b] * ROOT);
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

    // What rows count for, and Σ w log Σ 2 to the scores: at once where there are few components of few columns.
    double assign(Tile<T>& tile, bool unweighted) const { return assign_few<1>(tile, unweighted); }

    template <int K>
    double assign_few(Tile<T>& tile, bool unweighted) const {
        if constexpr (D > FEW_COLUMNS || K > FEW_COMPONENTS) {
            score(tile);
            tile.exponentiate();
            return tile.share(unweighted);
        } else if (m.k > K) {
            return assign_few<K + 1>(tile, unweighted);
        } else {
            return Few<K>(*this).assign(tile, unweighted);
        }
    }

    // What K components make of a vector of rows stays in registers. Scores are taken from the largest constant, which
    // none exceeds, so that powers need not wait for a row's largest.
    template <int K>
    struct Few {
        static constexpr int PAIR = 2 * WIDTH<T>, LINES = (2 * BYTES * D + 63) / 64;
        static constexpr int IN_STEP = 2 * K <= (REGISTERS == 32 ? 10 : 6) ? 2 : 1;
        T white[K * SIZE], offsets[K * D], constants[K];  // copies, which no store can change
        double largest;

        explicit Few(const WrittenScores& all) {
            std::copy_n(all.white.data(), K * SIZE, white);
            std::copy_n(all.offsets.data(), K * D, offsets);
            largest = *std::max_element(all.m.constants, all.m.constants + K) * LOG2_E;
            for (int j = 0; j < K; ++j) constants[j] = T(all.m.constants[j] * LOG2_E - largest);
        }

        double assign(Tile<T>& tile, bool unweighted) const {
            const int n = tile.width(), pairs = unweighted ? tile.held / PAIR * PAIR : 0, rows = tile.rows;
            const T* z = tile.column(0);
            T *to = tile.of(0), *shares = tile.shares.data();
            Logarithms<T> logs;
            Lanes<T> totals[2] = {all<T>(T(1)), all<T>(T(1))}, both = totals[0];
            // Two vectors share a reciprocal and a logarithm, which are taken beside the powers of the next two: they
            // wait for sums of powers.
            const auto take = [&](int i) INLINED {
                const Lanes<T> share = reciprocal(both);
                put(shares + i, share * totals[1]);
                put(shares + i + WIDTH<T>, share * totals[0]);
                logs.add(both);
            };
            for (int i = 0; i < pairs; i += PAIR) {
                Lanes<T> next[2];
                add_powers<false>(z + i, to + i, rows, next, nullptr);
                tile.template call<LINES>(i);
                if (i > 0) take(i - PAIR);
                both = next[0] * next[1];
                if (__builtin_expect(any_below(both, LEAST<T>), 0)) {
                    Lanes<T> tops[2];
                    from_largest(z + i, to + i, rows, next, tops);
                    for (const Lanes<T>& top : tops) logs.add_powers(top);
                    both = next[0] * next[1];
                }
                totals[0] = next[0], totals[1] = next[1];
            }
            if (pairs > 0) take(pairs - PAIR);
            // Of rows that have weights, which may be huge, what they count for must not be larger still. A vector beyond
            // the rows has none.
            Doubles sum = {};
            for (int i = pairs; i < n; i += PAIR) {
                Lanes<T> next[2], tops[2];
                from_largest(z + i, to + i, rows, next, tops);
                for (int v = 0; v < 2; ++v) sum += tile.weighed(i + v * WIDTH<T>, next[v], tops[v], largest);
            }
            return logs.sum() + LOG_2 * largest * pairs + sum_of<double>(sum);
        }

        // The powers of two vectors of rows, and their sums: from each row's largest score, or the largest constant.
        template <bool LARGEST>
        INLINED inline void add_powers(const T* z, T* to, int rows, Lanes<T>* totals, Lanes<T>* tops) const {
            each_of<2 / IN_STEP>([&](auto part) INLINED {
                constexpr int first = part * IN_STEP;
                Lanes<T> s[IN_STEP * K];
                each_of<IN_STEP>([&](auto v) INLINED {
                    score(z + (first + v) * WIDTH<T>, rows, s + v * K);
                    if constexpr (LARGEST) {
                        Lanes<T>& top = tops[first + v];
                        top = s[v * K];
                        each_of<K>([&](auto j) INLINED { top = greater(top, s[v * K + j]); });
                        each_of<K>([&](auto j) INLINED { s[v * K + j] -= top; });
                    }
                });
                powers_of_two<IN_STEP * K, T>(s);
                each_of<IN_STEP>([&](auto v) INLINED {
                    totals[first + v] = added(s + v * K, to + (first + v) * WIDTH<T>, rows);
                });
            });
        }

        static INLINED inline Lanes<T> added(const Lanes<T>* powers, T* to, int rows) {
            Lanes<T> total = powers[0];
            each_of<K>([&](auto j) INLINED {
                put(to + j * rows, powers[j]);
                if constexpr (j > 0) total += powers[j];
            });
            return total;
        }

        INLINED inline void score(const T* z, int rows, Lanes<T>* s) const {
            Lanes<T> v[D];
            each_of<D>([&](auto a) INLINED { v[a] = get(z + a * rows); });
            each_of<K>([&](auto j) INLINED {
                s[j] = all(constants[j]);
                each_of<D>([&](auto a) INLINED {
                    Lanes<T> y = v[a] * white[j * SIZE + entry(a, a)] - offsets[j * D + a];
                    each_of<a>([&](auto b) INLINED { y += v[b] * white[j * SIZE + entry(a, b)]; });
                    s[j] -= y * y;
                });
            });
        }

        // Where rows are so far from all components that hardly a number is left, or have weights.
        __attribute__((noinline))
        void from_largest(const T* z, T* to, int rows, Lanes<T>* totals, Lanes<T>* tops) const {
            add_powers<true>(z, to, rows, totals, tops);
        }
    };
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
        for (int j = 0; j < m.k; ++j) white.emplace_back(m.whitening + std::size_t(j) * d * d, d, d, true, ROOT);
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
        const T *offset = offsets.data() + std::size_t(j) * d, constant = T(m.constants[j] * LOG2_E);
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
