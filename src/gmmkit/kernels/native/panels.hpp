// Products of matrices, a tile of vectors at a time: what score and gather of many columns are made of.
#pragma once
#include "tile.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Rows of a matrix in groups of DOWN, within a group column by column; rows of zeros fill the last group. Of a lower
// triangle, columns beyond a group's last row are left out.
template <typename T>
struct Panels {
    int groups, columns, tall = 0;
    bool lower;
    Array<T> values;
    std::vector<std::size_t> starts;

    Panels(const double* matrix, int rows, int columns_, bool lower_, double scale = 1.0)
        : groups((rows + DOWN - 1) / DOWN), columns(columns_), lower(lower_) {
        std::size_t size = 0;
        for (int g = 0; g < groups; ++g) {
            starts.push_back(size);
            size += std::size_t(DOWN) * reach(g);
        }
        values.assign(size, T(0));
        tall = rows;
        for (int i = 0; i < rows; ++i)
            for (int p = 0; p < reach(i / DOWN); ++p)
                values[starts[i / DOWN] + std::size_t(p) * DOWN + i % DOWN] = T(matrix[std::size_t(i) * columns + p] * scale);
    }

    int rows(int group) const { return std::min(DOWN, tall - group * DOWN); }
    int reach(int group) const { return lower ? std::min((group + 1) * DOWN, columns) : columns; }
    const T* group(int g) const { return values.data() + starts[g]; }
};

// acc ← R rows of a panel times ACROSS vectors of each of the columns x, `stride` apart, less offsets (R), if there are
// any. Of a lower triangle the last columns are those of the diagonal.
template <int R, bool LOWER, typename T>
INLINED inline void panel_product(const T* panel, int columns, const T* x, std::size_t stride, const T* offsets,
                                  Lanes<T> (&acc)[DOWN][ACROSS]) {
    Lanes<T> v[ACROSS];
    each_of<R>([&](auto r) INLINED {
        const Lanes<T> first = LOWER ? -all(offsets[r]) : Lanes<T>{};
        each_of<ACROSS>([&](auto c) INLINED { acc[r][c] = first; });
    });
    const auto add = [&](auto first) INLINED {
        each_of<ACROSS>([&](auto c) INLINED { v[c] = get(x + c * WIDTH<T>); });
        each_of<R - first>([&](auto offset) INLINED {
            constexpr int r = first + offset;
            const Lanes<T> w = all(panel[r]);
            each_of<ACROSS>([&](auto c) INLINED { acc[r][c] += v[c] * w; });
        });
        x += stride;
        panel += DOWN;
    };
    for (int p = 0; p < columns - (LOWER ? R : 0); ++p) add(std::integral_constant<int, 0>());
    if constexpr (LOWER) each_of<R>(add);
}

// Call work with R as a constant, from 1 to DOWN.
template <int R = DOWN, typename Work>
INLINED inline void with_rows(int rows, Work&& work) {
    if constexpr (R == 1) work(std::integral_constant<int, 1>());
    else if (rows >= R) work(std::integral_constant<int, R>());
    else with_rows<R - 1>(rows, work);
}

// Add Σ_i a_i b_i for ACROSS columns a and N columns b, `stride` apart, to sums (ACROSS, N).
template <int N, typename T>
inline void add_dots(const T* a, const T* b, std::size_t stride, int rows, double* sums) {
    Lanes<T> acc[ACROSS][N] = {};
    for (int i = 0; i < rows; i += WIDTH<T>) {
        Lanes<T> v[ACROSS];
        each_of<ACROSS>([&](auto c) INLINED { v[c] = get(a + c * stride + i); });
        each_of<N>([&](auto r) INLINED {
            Lanes<T> w = get(b + r * stride + i);
            keep(w);
            each_of<ACROSS>([&](auto c) INLINED { acc[c][r] += v[c] * w; });
        });
    }
    add_sums<ACROSS * N, T>(&acc[0][0], sums);
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
