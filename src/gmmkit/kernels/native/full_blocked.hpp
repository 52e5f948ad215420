// Matrices of many columns: products of tiles, of triangles hardly more than is needed.
#pragma once
#include "panels.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Σ r, Σ r v and the lower triangle of Σ r v vᵀ, which is a product of √r v with itself.
template <typename T>
struct Moments {
    int d, rows;
    std::size_t size = 0;  // of a component's sums: tiles of the triangle, first moments, count
    Array<T> roots, weighted;

    Moments(int d_, int rows_) : d(d_), rows(rows_), roots(rows_), weighted(std::size_t(tall()) * rows_, T(0)) {
        for (int a = 0; a < d; a += ACROSS) size += std::size_t(ACROSS) * padded_to_pairs(a);
        size += d + 1;
    }

    int tall() const { return (d + ACROSS - 1) / ACROSS * ACROSS + DOWN; }
    // Columns that a … a + ACROSS − 1 are multiplied by, up to the diagonal.
    static int padded_to_pairs(int a) { return (a + ACROSS + 1) / 2 * 2; }

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
        for (int a = 0; a < d; ++a) {
            const T *z = tile.column(a), centre = mean ? mean[a] : T(0);
            T* to = weighted.data() + std::size_t(a) * rows;
            Lanes<T> sum = {};
            for (int i = 0; i < n; i += WIDTH<T>) {
                const Lanes<T> half = get(roots.data() + i), y = (get(z + i) - centre) * half;
                sum += y * half;
                put(to + i, y);
            }
            first[a] += sum_of<T>(sum);
        }
        const T* y = weighted.data();
        for (int a = 0; a < d; a += ACROSS) {
            const T* left = y + std::size_t(a) * rows;
            for (int b = 0, left_over = padded_to_pairs(a); left_over > 0;) {
                const T* right = y + std::size_t(b) * rows;
                const int n_columns = std::min(left_over, WIDEST);
                if (n_columns == 2) add_dots<2>(left, right, std::size_t(rows), n, sums);
                else if (n_columns == 4) add_dots<4>(left, right, std::size_t(rows), n, sums);
                else add_dots<6>(left, right, std::size_t(rows), n, sums);
                sums += ACROSS * n_columns;
                b += n_columns;
                left_over -= n_columns;
            }
        }
    }

    void write(const double* sums, double* count, double* first, double* second) const {
        if (count) *count += sums[size - 1];
        for (int a = 0; first && a < d; ++a) first[a] += sums[size - d - 1 + a];
        for (int start = 0; start < d; start += ACROSS)
            for (int b0 = 0, left_over = padded_to_pairs(start); left_over > 0;) {
                const int n_columns = std::min(left_over, WIDEST);
                for (int c = 0; c < ACROSS; ++c)
                    for (int r = 0; r < n_columns; ++r) {
                        const int a = start + c, b = b0 + r;
                        if (a >= d || b > a) continue;
                        const double value = sums[c * n_columns + r];
                        second[std::size_t(a) * d + b] += value;
                        if (a != b) second[std::size_t(b) * d + a] += value;
                    }
                sums += ACROSS * n_columns;
                b0 += n_columns;
                left_over -= n_columns;
            }
    }
};

template <typename T>
struct BlockedFull {
    const DenseMixture& m;
    int d;
    Array<T> means, strip;
    std::vector<Panels<T>> white;
    Moments<T> moments;
    Array<double> sums;

    static int columns(const DenseMixture&, int d) { return d; }
    static int components(const DenseMixture& m) { return m.k; }
    BlockedFull(const DenseMixture& mixture, const Tile<T>& tile, bool gathers)
        : m(mixture), d(tile.d), means(m.means, m.means + std::size_t(m.k) * d), strip(std::size_t(d) * STRIP<T>),
          moments(d, gathers ? tile.rows : 0), sums(gathers ? m.k * moments.size + WIDTH<T> : 0, 0.0) {
        for (int j = 0; j < m.k; ++j) white.emplace_back(m.whitening + std::size_t(j) * d * d, d, d, true);
    }

    void score(Tile<T>& tile) {
        for (int j = 0; j < m.k; ++j) {
            const T *mean = means.data() + std::size_t(j) * d, constant = T(m.constants[j]);
            const Panels<T>& panels = white[j];
            for (int i = 0; i < tile.strips(); i += STRIP<T>) {
                for (int a = 0; a < d; ++a)
                    for (int c = 0; c < ACROSS; ++c)
                        put(strip.data() + a * STRIP<T> + c * WIDTH<T>, get(tile.column(a) + i + c * WIDTH<T>) - mean[a]);
                Lanes<T> distance[ACROSS] = {};
                for (int g = 0; g < panels.groups; ++g) {
                    with_rows(panels.rows(g), [&](auto count) INLINED {
                        Lanes<T> y[DOWN][ACROSS];
                        panel_product<count, true>(panels.group(g), panels.reach(g), strip.data(), STRIP<T>, y);
                        each_of<count>([&](auto r) INLINED {
                            each_of<ACROSS>([&](auto c) INLINED { distance[c] += y[r][c] * y[r][c]; });
                        });
                    });
                }
                for (int c = 0; c < ACROSS; ++c) {
                    const Lanes<T> s = constant - T(0.5) * distance[c];
                    T* top = tile.tops.data() + i + c * WIDTH<T>;
                    put(tile.of(j) + i + c * WIDTH<T>, s);
                    put(top, j ? greater(get(top), s) : s);
                }
            }
        }
    }

    void gather(Tile<T>& tile) {
        for (int j = 0; j < m.k; ++j)
            moments.add(tile, tile.of(j), means.data() + std::size_t(j) * d, sums.data() + j * moments.size);
    }

    void write(const DenseSums& out) const {
        for (int j = 0; j < m.k; ++j)
            moments.write(sums.data() + j * moments.size, out.counts + j, out.first + std::size_t(j) * d,
                          out.second + std::size_t(j) * d * d);
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
