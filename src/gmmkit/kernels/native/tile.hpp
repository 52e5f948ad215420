// Some hundred rows of the caller's, column by column in the frame, and what each component makes of them.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "dense_api.hpp"
#include "lanes.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// A product of matrices is made of tiles of DOWN × ACROSS vectors, which the registers hold with what they are made of.
// Where there is a multiply-add, which all but plain x86 have, a product needs no register of its own.
constexpr bool MULTIPLY_ADD = REGISTERS == 32 || BYTES == 32;
constexpr int ACROSS = REGISTERS == 32 ? 4 : 2, DOWN = MULTIPLY_ADD ? 6 : 5;
// Of moments: even, and sums of AVX2 that are whole vectors when their lanes are added up.
template <typename T> constexpr int WIDEST = REGISTERS == 32 || (MULTIPLY_ADD && sizeof(T) == 8) ? 6 : 4;
template <typename T> constexpr int STRIP = ACROSS * WIDTH<T>;

constexpr int MOST_CALLED_FOR = 16384;  // bytes

// A power of two. A few columns stay in the first cache, with as many deviations; scores in the second. The more vectors
// a column has, the less adding up their lanes at a tile's end weighs.
template <typename T>
inline int rows_for(int columns, int components) {
    constexpr int fewest = 16 * WIDTH<T>, some = 2 * fewest, most = 4 * fewest;
    int wanted = std::min(most, 20480 / (columns * int(sizeof(T))));
    if (wanted < fewest) wanted = some;
    wanted = std::min(wanted, (1 << 20) / (components * int(sizeof(T))));
    int rows = fewest;
    while (rows * 2 <= wanted) rows *= 2;
    return rows;
}

// Scores are logarithms to base 2, whose powers are cheapest: constants times log₂ e; and √(½ log₂ e) W of each
// component, so that a score is its constant less squares.
constexpr double ROOT = 0.84932180028801904272;

// ROOT W μ of each component, so that a whitened deviation is W z − W μ: one product less than W (z − μ), and as good as z,
// which was rounded itself, where rows are near (model/scorer.py).
template <typename T>
Array<T> whitened_means(const DenseMixture& m, int d) {
    Array<T> offsets(std::size_t(m.k) * d);
    for (int j = 0; j < m.k; ++j) {
        const double *w = m.whitening + std::size_t(j) * d * d, *mean = m.means + std::size_t(j) * d;
        for (int a = 0; a < d; ++a) {
            double y = 0.0;
            for (int b = 0; b <= a; ++b) y += w[a * d + b] * mean[b];
            offsets[std::size_t(j) * d + a] = T(y * ROOT);
        }
    }
    return offsets;
}

template <typename T>
Array<T> constants_of(const DenseMixture& m) {
    Array<T> constants(m.k);
    for (int j = 0; j < m.k; ++j) constants[j] = T(m.constants[j] * LOG2_E);
    return constants;
}

template <typename T>
struct Tile {
    int d, k, rows;  // rows: of a whole tile, and between columns
    int held = 0;    // rows of this tile
    const char* next = nullptr;
    std::int64_t row_bytes = 0;
    int lines = 0;  // of the next tile's rows, worth calling for
    Array<T> z, shares, tops, totals, assigned;
    Array<double> weights, largest;

    // `columns` and `components`: what the form needs beside d and k to have whole tiles; zeros.
    Tile(int d_, int k_, int columns, int components)
        : d(d_), k(k_), rows(rows_for<T>(columns, components)), z(std::size_t(columns) * rows), shares(rows),
          tops(rows), totals(rows), assigned(std::size_t(components) * rows), weights(rows, 1.0), largest(d_, 0.0) {}

    T* column(int j) { return z.data() + std::size_t(j) * rows; }
    const T* column(int j) const { return z.data() + std::size_t(j) * rows; }
    T* of(int component) { return assigned.data() + std::size_t(component) * rows; }
    const T* of(int component) const { return assigned.data() + std::size_t(component) * rows; }
    int width() const { return padded<T>(held); }
    int strips() const { return (held + STRIP<T> - 1) / STRIP<T> * STRIP<T>; }

    void read(const DenseRows& from, std::int64_t start) {
        held = int(std::min<std::int64_t>(rows, from.n - start));
        if (from.single) read_as<float>(from, start);
        else read_as<double>(from, start);
        if (from.weights) std::copy(from.weights + start, from.weights + start + held, weights.begin());
        else if (held < rows || weights.back() != 1.0) std::fill(weights.begin(), weights.begin() + held, 1.0);
        if (held < rows) std::fill(weights.begin() + held, weights.end(), 0.0);
        if (from.weights) leave_out();
        const std::int64_t bytes = from.row_stride * (from.single ? 4 : 8);
        const std::int64_t left = std::min<std::int64_t>(rows, from.n - start - held);
        lines = from.column_stride == 1 ? int(std::min<std::int64_t>(left * bytes, MOST_CALLED_FOR) / 64) : 0;
        row_bytes = lines > 0 ? bytes : 0;
        next = static_cast<const char*>(from.values) + (start + held) * row_bytes;
    }

    // Largest |z| of each column, of all tiles so far.
    void measure() {
        for (int j = 0; j < d; ++j) {
            Lanes<T> most = {};
            for (int i = 0; i < width(); i += WIDTH<T>) {
                const Lanes<T> v = get(column(j) + i);
                most = greater(most, greater(v, -v));
            }
            for (int l = 0; l < WIDTH<T>; ++l) largest[j] = std::max(largest[j], double(most[l]));
        }
    }

    // Bring some of the next rows nearer: arithmetic on a few columns does not hide the wait.
    void call(int first, int count) const {
        for (int i = first; i < first + count; ++i) __builtin_prefetch(next + std::size_t(i) * 64, 0, 2);
    }

    // The same of COUNT lines from a row on.
    template <int COUNT>
    INLINED inline void call(int row) const {
        const char* first = next + std::size_t(row) * row_bytes;
        each_of<COUNT>([&](auto line) INLINED { __builtin_prefetch(first + line * 64, 0, 2); });
    }

    // Turn scores, whose largest are in `tops`, into 2 to score − top; add them up in `totals`.
    void exponentiate() {
        const int n = width();
        std::fill(totals.begin(), totals.begin() + n, T(0));
        for (int j = 0; j < k; ++j) {
            T* s = of(j);
            const int first = lines * j / k;
            call(first, lines * (j + 1) / k - first);
            int i = 0;
            for (; i + IN_STEP * WIDTH<T> <= n; i += IN_STEP * WIDTH<T>) exponentiate<IN_STEP>(s, i);
            for (; i < n; i += WIDTH<T>) exponentiate<1>(s, i);
        }
    }

    // How much of a power each row's component counts for; Σ w log Σ 2 to the scores.
    double share(bool unweighted) {
        const int n = width(), whole = unweighted ? held / WIDTH<T> * WIDTH<T> : 0;
        Logarithms<T> logs;
        for (int i = 0; i < whole; i += WIDTH<T>) {
            const Lanes<T> total = get(totals.data() + i);
            put(shares.data() + i, reciprocal(total));
            logs.add(total);
            logs.add_powers(get(tops.data() + i));
        }
        Doubles sum = {};
        for (int i = whole; i < n; i += WIDTH<T>) sum += weighed(i, get(totals.data() + i), get(tops.data() + i));
        return logs.sum() + sum_of<double>(sum);
    }

    // The same of a vector of rows that have weights, or are fewer; their sums are 2 to top + base times `total`.
    Doubles weighed(int i, Lanes<T> total, Lanes<T> top, double base = 0.0) {
        T counted[WIDTH<T>];
        for (int l = 0; l < WIDTH<T>; ++l) counted[l] = T(weights[i + l]);
        put(shares.data() + i, reciprocal(total) * get(counted));
        Doubles sum = {};
        each_of<WIDTH<T> / WIDTH<double>>([&](auto part) INLINED {
            const Doubles weight = get(weights.data() + i + part * WIDTH<double>);
            const Doubles value = (doubles_of<part>(top) + base) * LOG_2 + logarithm(doubles_of<part>(total));
            sum += weight > 0.0 ? weight * value : all<double>(0.0);
        });
        return sum;
    }

  private:
    static constexpr int IN_STEP = MULTIPLY_ADD ? 4 : 2;

    template <int N>
    void exponentiate(T* s, int start) {
        Lanes<T> e[N];
        each_of<N>([&](auto v) INLINED {
            e[v] = get(s + start + v * WIDTH<T>) - get(tops.data() + start + v * WIDTH<T>);
        });
        powers_of_two<N, T>(e);
        each_of<N>([&](auto v) INLINED {
            T* total = totals.data() + start + v * WIDTH<T>;
            put(s + start + v * WIDTH<T>, e[v]);
            put(total, get(total) + e[v]);
        });
    }

    // Rows without weight do not count, wherever they lie: infinity times nothing is no number.
    void leave_out() {
        for (int i = 0; i < held; ++i)
            for (int j = 0; weights[i] == 0.0 && j < d; ++j) column(j)[i] = T(0);
    }

    template <typename Value>
    void read_as(const DenseRows& from, std::int64_t start) {
        const Value* first = static_cast<const Value*>(from.values) + start * from.row_stride;
        const std::int64_t step = from.row_stride;
        // Squares of rows and columns are turned in registers, where a row's values are side by side.
        if constexpr (std::is_same_v<Value, double> && std::is_same_v<T, double>)
            if (d == 2 && step == 2 && from.column_stride == 1) return read_pairs(first, from);
        const int turned = from.column_stride == 1 ? d / WIDTH<T> * WIDTH<T> : 0, square = held / WIDTH<T> * WIDTH<T>;
        for (int j = 0; j < turned; j += WIDTH<T>)
            for (int i = 0; i < square; i += WIDTH<T>) turn(first + i * step + j, step, from, i, j);
        for (int j = 0; j < d; ++j) {
            const double shift = from.shift[j], scale = from.scale[j];
            const Value* x = first + j * from.column_stride;
            T* to = column(j);
            int i = j < turned ? square : 0;
            if (step == 1) for (; i < held; ++i) to[i] = T((double(x[i]) - shift) * scale);
            else if (step == 2) for (; i < held; ++i) to[i] = T((double(x[2 * i]) - shift) * scale);
            else if (step == 4) for (; i < held; ++i) to[i] = T((double(x[4 * i]) - shift) * scale);
            else for (; i < held; ++i) to[i] = T((double(x[i * step]) - shift) * scale);
            std::fill(to + held, to + strips(), T(0));
        }
    }

    // Rows stay in their order: each has its weight, and is told what is its own.
    void read_pairs(const double* x, const DenseRows& from) {
        const Doubles shift[] = {all(from.shift[0]), all(from.shift[1])};
        const Doubles scale[] = {all(from.scale[0]), all(from.scale[1])};
        double *first = column(0), *second = column(1);
        const int whole = held / WIDTH<double> * WIDTH<double>;
        for (int i = 0; i < whole; i += WIDTH<double>) {
            const Doubles a = get(x + 2 * i), b = get(x + 2 * i + WIDTH<double>);
            put(first + i, (every_second<false, double>(a, b) - shift[0]) * scale[0]);
            put(second + i, (every_second<true, double>(a, b) - shift[1]) * scale[1]);
        }
        std::fill(first + whole, first + strips(), 0.0);
        std::fill(second + whole, second + strips(), 0.0);
        for (int i = whole; i < held; ++i)
            for (int j = 0; j < 2; ++j) column(j)[i] = (x[2 * i + j] - from.shift[j]) * from.scale[j];
    }

    template <typename Value>
    void turn(const Value* x, std::int64_t step, const DenseRows& from, int i, int j) {
        constexpr int W = WIDTH<T>;
        Lanes<T> v[W];
        for (int r = 0; r < W; ++r) {
            T row[W];
            for (int l = 0; l < W; ++l) row[l] = T((double(x[r * step + l]) - from.shift[j + l]) * from.scale[j + l]);
            v[r] = get(row);
        }
        transpose<W / 2, T>(v);
        for (int r = 0; r < W; ++r) put(column(j + r) + i, v[r]);
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
