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
constexpr int ACROSS = REGISTERS == 32 ? 4 : 2, DOWN = REGISTERS == 32 ? 6 : 5;
constexpr int WIDEST = REGISTERS == 32 ? 6 : 4;  // even
template <typename T> constexpr int STRIP = ACROSS * WIDTH<T>;

constexpr int FEWEST_ROWS = 128, SOME_ROWS = 256, MOST_ROWS = 512;

// A power of two. A few columns stay in the first cache, with as many deviations; scores in the second. More rows are
// better where a product's sums are added up at the end of each tile.
inline int rows_for(int columns, int components, int bytes) {
    int most = std::min(MOST_ROWS, 16384 / (columns * bytes));
    if (most < FEWEST_ROWS) most = SOME_ROWS;
    most = std::min(most, (1 << 20) / (components * bytes));
    int rows = FEWEST_ROWS;
    while (rows * 2 <= most) rows *= 2;
    return rows;
}

template <typename T>
struct Tile {
    int d, k, rows;  // rows: of a whole tile, and between columns
    int held = 0;    // rows of this tile
    Array<T> z, shares, tops, totals, assigned;
    Array<double> weights, largest;

    // `columns` and `components`: what the form needs beside d and k to have whole tiles; zeros.
    Tile(int d_, int k_, int columns, int components)
        : d(d_), k(k_), rows(rows_for(columns, components, sizeof(T))), z(std::size_t(columns) * rows), shares(rows),
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
        if (held < rows) std::fill(weights.begin() + held, weights.end(), 0.0);
        if (from.weights) leave_out();
        call_for(from, start + rows);
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

    // Turn scores, whose largest are in `tops`, into exp(score − top); add them up in `totals`.
    void exponentiate() {
        const int n = width();
        std::fill(totals.begin(), totals.begin() + n, T(0));
        for (int j = 0; j < k; ++j) {
            T* s = of(j);
            for (int i = 0; i < n; i += WIDTH<T>) {
                const Lanes<T> e = exponential(get(s + i) - get(tops.data() + i));
                put(s + i, e);
                put(totals.data() + i, get(totals.data() + i) + e);
            }
        }
    }

    // How much of an exponential each row's component counts for; Σ w log Σ exp(scores).
    double share(bool unweighted) {
        double sum = 0.0;
        const int n = width();
        for (int i = 0; i < n; i += WIDTH<T>) {
            const Lanes<T> weight = lanes_of(weights.data() + i), total = get(totals.data() + i);
            put(shares.data() + i, weight > T(0) ? weight / total : all<T>(0));
        }
        Doubles logs = {};
        if (unweighted) {
            // One logarithm for many rows: each total is from 1 to k, so that the product of a tile's stays a number.
            Doubles product = all<double>(1.0), top = {};
            const int full = held / WIDTH<double> * WIDTH<double>;
            for (int i = 0; i < full; i += WIDTH<double>) {
                product *= doubles_of(totals.data() + i);
                top += doubles_of(tops.data() + i);
            }
            logs = top + logarithm(product);
            for (int i = full; i < held; ++i) sum += double(tops[i]) + std::log(double(totals[i]));
        } else {
            for (int i = 0; i < held; i += WIDTH<double>) {
                const Doubles weight = get(weights.data() + i);
                const Doubles value = doubles_of(tops.data() + i) + logarithm(doubles_of(totals.data() + i));
                logs += weight > 0.0 ? weight * value : all<double>(0.0);
            }
        }
        for (int l = 0; l < WIDTH<double>; ++l) sum += logs[l];
        return sum;
    }

    static Doubles doubles_of(const double* p) { return get(p); }
    static Doubles doubles_of(const float* p) {
        Doubles v;
        for (int l = 0; l < WIDTH<double>; ++l) v[l] = p[l];
        return v;
    }

  private:
    // Have the next rows brought nearer while these are worked on: a few columns' arithmetic does not hide the wait.
    void call_for(const DenseRows& from, std::int64_t start) const {
        if (from.column_stride != 1 || start >= from.n) return;
        const int bytes = from.single ? 4 : 8;
        const char* next = static_cast<const char*>(from.values) + start * from.row_stride * bytes;
        const std::int64_t length = std::min<std::int64_t>(rows, from.n - start) * from.row_stride * bytes;
        for (std::int64_t i = 0; i < std::min<std::int64_t>(length, 16384); i += 64) __builtin_prefetch(next + i, 0, 2);
    }

    // Rows without weight do not count, wherever they lie: infinity times nothing is no number.
    void leave_out() {
        for (int i = 0; i < held; ++i)
            for (int j = 0; weights[i] == 0.0 && j < d; ++j) column(j)[i] = T(0);
    }

    static Lanes<T> lanes_of(const double* p) {
        Lanes<T> v;
        for (int l = 0; l < WIDTH<T>; ++l) v[l] = T(p[l]);
        return v;
    }

    template <typename Value>
    void read_as(const DenseRows& from, std::int64_t start) {
        const Value* first = static_cast<const Value*>(from.values) + start * from.row_stride;
        const int padded = strips();
        const std::int64_t step = from.row_stride;
        for (int j = 0; j < d; ++j) {
            const double shift = from.shift[j], scale = from.scale[j];
            const Value* x = first + j * from.column_stride;
            T* to = column(j);
            if (step == 1) for (int i = 0; i < held; ++i) to[i] = T((double(x[i]) - shift) * scale);
            else if (step == 2) for (int i = 0; i < held; ++i) to[i] = T((double(x[2 * i]) - shift) * scale);
            else if (step == 4) for (int i = 0; i < held; ++i) to[i] = T((double(x[4 * i]) - shift) * scale);
            else for (int i = 0; i < held; ++i) to[i] = T((double(x[i * step]) - shift) * scale);
            std::fill(to + held, to + padded, T(0));
        }
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
