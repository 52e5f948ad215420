// The points of a pass: rows in the order asked for, moved and scaled.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dense_api.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Rows lie anywhere in memory: how far ahead they are called for, so that they are still in the first cache when read.
constexpr int ROWS_AHEAD = 16, BYTES_AHEAD = 16384;

// Write z (n, width), its first d columns, of the rows of which `order` (n) tells; null: of the first n.
template <class T>
void points(const DenseRows& from, const std::int64_t* order, int n, int width, double* z) {
    constexpr int LINE = 64 / int(sizeof(T));
    const T* first = static_cast<const T*>(from.values);
    const double *__restrict shift = from.shift, *__restrict scale = from.scale;
    const std::int64_t step = from.column_stride;
    const int d = from.d;
    // Of a row whose values lie apart, each is in another line: too many to call for.
    const int far = order && step == 1 ? std::clamp(BYTES_AHEAD / (std::max(d, 1) * int(sizeof(T))), 1, ROWS_AHEAD) : n;
    for (int i = 0; i < n; ++i) {
        if (far < n - i) {
            const T* ahead = first + order[i + far] * from.row_stride;
            for (int j = 0; j < d; j += LINE) __builtin_prefetch(ahead + j);
            __builtin_prefetch(ahead + d - 1);  // rows need not begin where lines do
        }
        const T* __restrict row = first + (order ? order[i] : i) * from.row_stride;
        double* __restrict to = z + std::size_t(i) * width;
        if (step == 1) for (int j = 0; j < d; ++j) to[j] = (double(row[j]) - shift[j]) * scale[j];
        else for (int j = 0; j < d; ++j) to[j] = (double(row[j * step]) - shift[j]) * scale[j];
    }
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
