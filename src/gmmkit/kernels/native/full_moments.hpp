// Moments of rows about the means of components with matrices of their own.
#pragma once
#include <cmath>
#include <type_traits>

#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Deviations and a column of ones have the moments of a component: second, first and count, in rows of one triangle.
constexpr int row_of(int entry) {
    int row = 0;
    while ((row + 1) * (row + 2) / 2 <= entry) ++row;
    return row;
}
constexpr int column_of(int entry) { return entry - row_of(entry) * (row_of(entry) + 1) / 2; }

// Squared deviations of means from the origin up to which moments about it keep all digits but three: each term by itself,
// as each is rounded.
constexpr double NEAR = 1e3;

// A few columns: sums stay in registers, as many at once as there are.
template <typename T, int D>
struct WrittenMoments {
    static constexpr int SUMS = (D + 1) * (D + 2) / 2, AT_ONCE = REGISTERS == 32 ? 24 : 10;
    // Components that share the products of a row's values, where their moments are taken about the origin.
    static constexpr int BESIDE = std::is_same_v<T, double> ? (REGISTERS == 32 ? 20 : 10) / SUMS : 0;
    int k;
    bool about_origin;
    Array<T> means, deviations;  // (vectors of rows, D): one place leads to all columns, where addresses are many
    Array<double> sums;

    WrittenMoments(const DenseMixture& m, const Tile<T>& tile)
        : k(m.k), about_origin(BESIDE > 1 && are_near(m)), means(m.means, m.means + std::size_t(k) * D),
          deviations(std::size_t(D) * tile.rows), sums(std::size_t(k) * SUMS + WIDTH<T>, 0.0) {}

    static bool are_near(const DenseMixture& m) {
        double farthest = 0.0;
        for (int j = 0; j < m.k; ++j) {
            const double *w = m.whitening + std::size_t(j) * D * D, *mean = m.means + std::size_t(j) * D;
            double squares = 0.0;
            for (int a = 0; a < D; ++a) {
                double y = 0.0;
                for (int b = 0; b <= a; ++b) y += std::fabs(w[a * D + b] * mean[b]);
                squares += y * y;
            }
            farthest = squares < farthest ? farthest : squares;  // what is not a number is far
        }
        return farthest <= NEAR;
    }

    void gather(Tile<T>& tile) {
        if constexpr (BESIDE > 1)
            if (about_origin) return gather_beside<BESIDE>(tile, 0);
        for (int j = 0; j < k; ++j) {
            const T* mean = means.data() + j * D;
            double* to = sums.data() + std::size_t(j) * SUMS;
            if constexpr (SUMS <= AT_ONCE) {
                part<0, SUMS, true>(tile, tile.of(j), mean, to);
            } else {
                T* v = deviations.data();
                for (int i = 0; i < tile.width(); i += WIDTH<T>)
                    for (int a = 0; a < D; ++a, v += WIDTH<T>) put(v, get(tile.column(a) + i) - mean[a]);
                parts<0>(tile, tile.of(j), mean, to);
            }
        }
    }

    template <int COUNT>
    void gather_beside(const Tile<T>& tile, int j) {
        for (; j + COUNT <= k; j += COUNT) beside<COUNT>(tile, j);
        if constexpr (COUNT > 1) gather_beside<COUNT - 1>(tile, j);
    }

    // All entries of the triangles of some components.
    template <int COUNT>
    void beside(const Tile<T>& tile, int j) {
        const int n = tile.width(), rows = tile.rows;
        const T *z = tile.z.data(), *e = tile.of(j), *shares = tile.shares.data();
        Lanes<T> acc[COUNT * SUMS] = {};
        for (int i = 0; i < n; i += WIDTH<T>) {
            Lanes<T> v[D + 1], t[D + 1], some[COUNT];
            t[D] = get(shares + i);
            each_of<D>([&](auto a) INLINED { v[a] = get(z + a * rows + i), t[a] = v[a] * t[D]; });
            each_of<COUNT>([&](auto c) INLINED { some[c] = get(e + c * rows + i); });
            each_of<SUMS>([&](auto entry) INLINED {
                constexpr int a = row_of(entry), b = column_of(entry);
                const Lanes<T> product = a < D ? t[b] * v[a] : t[b];
                each_of<COUNT>([&](auto c) INLINED { acc[c * SUMS + entry] += some[c] * product; });
            });
        }
        add_sums<COUNT * SUMS, T>(acc, sums.data() + std::size_t(j) * SUMS);
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
        const T *z = tile.z.data(), *shares = tile.shares.data(), *beside = deviations.data();
        Lanes<T> acc[TO - FROM] = {};
        for (int i = 0; i < n; i += WIDTH<T>) {
            const Lanes<T> r = get(e + i) * get(shares + i);
            Lanes<T> v[USED];
            each_of<USED>([&](auto b) INLINED {
                v[b] = HERE ? get(z + b * rows + i) - mean[b] : get(beside + i * D + b * WIDTH<T>);
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
        for (int j = 0; j < k; ++j) {
            const double *s = sums.data() + std::size_t(j) * SUMS, count = s[SUMS - 1];
            double first[D], shift[D];
            for (int b = 0; b < D; ++b) {
                shift[b] = about_origin ? double(means[std::size_t(j) * D + b]) : 0.0;
                first[b] = s[D * (D + 1) / 2 + b] - count * shift[b];
            }
            double* to = out.second + std::size_t(j) * D * D;
            for (int a = 0; a < D; ++a)
                for (int b = 0; b <= a; ++b) {
                    const double moved = shift[a] * s[D * (D + 1) / 2 + b] + first[a] * shift[b];
                    const double value = s[a * (a + 1) / 2 + b] - moved;
                    to[a * D + b] += value;
                    if (a != b) to[b * D + a] += value;
                }
            for (int b = 0; b < D; ++b) out.first[std::size_t(j) * D + b] += first[b];
            out.counts[j] += count;
        }
    }
};

// Σ r, Σ r v and the lower triangle of Σ r v vᵀ, which is a product of √r v with itself, tile by tile of it.
template <typename T>
struct Moments {
    static constexpr int IN_STEP = 4;
    int d, rows;
    std::size_t size;  // of a component's sums: tiles of the triangle in their order, first moments, count
    Array<T> roots, weighted;

    Moments(int d_, int rows_) : d(d_), rows(rows_), roots(rows_), weighted(std::size_t(tall()) * rows_, T(0)) {
        size = each_tile([](int, int, int, std::size_t) {}) + d + 1;
    }

    int tall() const { return (d + ACROSS - 1) / ACROSS * ACROSS + DOWN; }
    // Columns that a … a + ACROSS − 1 are multiplied by, up to the diagonal.
    static int padded_to_pairs(int a) { return (a + ACROSS + 1) / 2 * 2; }

    // Call work(a, b, how many columns from b on, where the tile's sums are); return where the last one's end. Two tiles'
    // columns b stay in the first cache while the columns a go by.
    template <typename Work>
    std::size_t each_tile(Work&& work) const {
        std::size_t place = 0;
        for (int block = 0; block < d; block += 2 * WIDEST<T>)
            for (int a = block / ACROSS * ACROSS; a < d; a += ACROSS) {
                const int end = std::min(block + 2 * WIDEST<T>, padded_to_pairs(a));
                for (int b = block; b < end; b += WIDEST<T>) {
                    const int n_columns = std::min(end - b, WIDEST<T>);
                    work(a, b, n_columns, place);
                    place += std::size_t(ACROSS) * n_columns;
                }
            }
        return place;
    }

    // r = e · shares, or shares where e is null; v = z − mean, or z where mean is null.
    void add(const Tile<T>& tile, const T* e, const T* mean, double* sums) {
        const int n = tile.width();
        double *first = sums + size - d - 1, *count = sums + size - 1;
        Lanes<T> total = {};
        for (int i = 0; i < n; i += WIDTH<T>) {
            const Lanes<T> share = get(tile.shares.data() + i), r = e ? get(e + i) * share : share;
            total += r;
            put(roots.data() + i, root(r));
        }
        *count += sum_of<T>(total);
        for (int a = 0; a < d; a += IN_STEP)
            with_rows<IN_STEP>(d - a, [&](auto some) INLINED {
                T* to = weighted.data() + std::size_t(a) * rows;
                weigh<some>(tile.column(a), mean ? mean + a : nullptr, n, to, first + a);
            });
        const T* y = weighted.data();
        each_tile([&](int a, int b, int n_columns, std::size_t place) {
            const T *left = y + std::size_t(a) * rows, *right = y + std::size_t(b) * rows;
            if (n_columns == 2) add_dots<2>(left, right, std::size_t(rows), n, sums + place);
            else if (n_columns == 4) add_dots<4>(left, right, std::size_t(rows), n, sums + place);
            else add_dots<6>(left, right, std::size_t(rows), n, sums + place);
        });
    }

    // Some columns in step: one after the other each would wait for its own sum.
    template <int SOME>
    void weigh(const T* z, const T* mean, int n, T* to, double* first) const {
        const T* half = roots.data();
        T centre[SOME];
        Lanes<T> sum[SOME] = {};
        each_of<SOME>([&](auto c) INLINED { centre[c] = mean ? mean[c] : T(0); });
        for (int i = 0; i < n; i += WIDTH<T>) {
            const Lanes<T> root = get(half + i);
            each_of<SOME>([&](auto c) INLINED {
                const Lanes<T> y = (get(z + c * rows + i) - centre[c]) * root;
                sum[c] += y * root;
                put(to + c * rows + i, y);
            });
        }
        each_of<SOME>([&](auto c) INLINED { first[c] += sum_of<T>(sum[c]); });
    }

    void write(const double* sums, double* count, double* first, double* second) const {
        if (count) *count += sums[size - 1];
        for (int a = 0; first && a < d; ++a) first[a] += sums[size - d - 1 + a];
        each_tile([&](int start, int b0, int n_columns, std::size_t place) {
            for (int c = 0; c < ACROSS; ++c)
                for (int r = 0; r < n_columns; ++r) {
                    const int a = start + c, b = b0 + r;
                    if (a >= d || b > a) continue;
                    const double value = sums[place + c * n_columns + r];
                    second[std::size_t(a) * d + b] += value;
                    if (a != b) second[std::size_t(b) * d + a] += value;
                }
        });
    }
};

// Many columns, of all components.
template <typename T>
struct TiledMoments {
    int k, d;
    Array<T> means;
    Moments<T> moments;
    Array<double> sums;

    TiledMoments(const DenseMixture& m, const Tile<T>& tile)
        : k(m.k), d(tile.d), means(m.means, m.means + std::size_t(k) * d), moments(d, tile.rows),
          sums(k * moments.size + WIDTH<T>, 0.0) {}

    void gather(Tile<T>& tile) {
        for (int j = 0; j < k; ++j)
            moments.add(tile, tile.of(j), means.data() + std::size_t(j) * d, sums.data() + j * moments.size);
    }

    void write(const DenseSums& out) const {
        for (int j = 0; j < k; ++j)
            moments.write(sums.data() + j * moments.size, out.counts + j, out.first + std::size_t(j) * d,
                          out.second + std::size_t(j) * d * d);
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
