// k-means of rows in memory: the array engine's steps (gmmkit/inference/kmeans.py) without what lies between. Rows are
// (d, n), centres (k, d).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace gmmkit {
namespace TARGET {
namespace {

constexpr int KMEANS_ROWS = 256;  // at once

// Squared distances of `held` rows from one centre.
inline void squares(const double* z, int n, int d, int held, const double* centre, double* distance) {
    std::fill(distance, distance + held, 0.0);
    for (int p = 0; p < d; ++p) {
        const double *column = z + std::size_t(p) * n, at = centre[p];
        for (int i = 0; i < held; ++i) distance[i] += (column[i] - at) * (column[i] - at);
    }
}

// The nearest centre of each of `held` rows, the first of those equally near, and its squared distance.
inline void find_nearest(const double* z, int n, int d, int k, int held, const double* centres, int* nearest,
                         double* best) {
    double distance[KMEANS_ROWS];
    std::fill(best, best + held, std::numeric_limits<double>::infinity());
    std::fill(nearest, nearest + held, 0);
    for (int j = 0; j < k; ++j) {
        squares(z, n, d, held, centres + std::size_t(j) * d, distance);
        for (int i = 0; i < held; ++i) {
            nearest[i] = distance[i] < best[i] ? j : nearest[i];
            best[i] = distance[i] < best[i] ? distance[i] : best[i];
        }
    }
}

// The row at which running sums pass a share of their total.
inline int row_at(const std::vector<double>& running, double share) {
    const auto found = std::upper_bound(running.begin(), running.end(), share * running.back());
    return int(std::min<std::ptrdiff_t>(found - running.begin(), std::ptrdiff_t(running.size()) - 1));
}

}  // namespace

// Move the centres until a pass changes half the weighted sum of squared distances by no more than `enough`. A centre
// that no row is nearest to stays where it is.
void lloyd(const double* z, const double* weights, int n, int d, int k, double enough, int most, double* centres) {
    std::vector<double> sums(std::size_t(k) * (d + 1));
    double best[KMEANS_ROWS];
    int nearest[KMEANS_ROWS];
    double before = std::numeric_limits<double>::infinity();
    for (int pass = 0; pass < most; ++pass) {
        std::fill(sums.begin(), sums.end(), 0.0);
        double value = 0.0;
        for (int start = 0; start < n; start += KMEANS_ROWS) {
            const int held = std::min(KMEANS_ROWS, n - start);
            find_nearest(z + start, n, d, k, held, centres, nearest, best);
            for (int i = 0; i < held; ++i) {
                double* s = sums.data() + std::size_t(nearest[i]) * (d + 1);
                const double weight = weights[start + i];
                for (int p = 0; p < d; ++p) s[p] += weight * z[std::size_t(p) * n + start + i];
                s[d] += weight;
                value += weight * best[i];
            }
        }
        for (int j = 0; j < k; ++j) {
            const double* s = sums.data() + std::size_t(j) * (d + 1);
            for (int p = 0; p < d && s[d] > 0.0; ++p) centres[std::size_t(j) * d + p] = s[p] / s[d];
        }
        if (std::fabs(0.5 * value - before) <= enough) break;
        before = 0.5 * value;
    }
}

void assign_nearest(const double* z, int n, int d, int k, const double* centres, std::int32_t* nearest) {
    double best[KMEANS_ROWS];
    int found[KMEANS_ROWS];
    for (int start = 0; start < n; start += KMEANS_ROWS) {
        const int held = std::min(KMEANS_ROWS, n - start);
        find_nearest(z + start, n, d, k, held, centres, found, best);
        std::copy(found, found + held, nearest + start);
    }
}

// Choose the seeds `from` to `to` of greedy k-means++: each the best of `trials` rows, drawn by weight × squared distance
// to the nearest seed before (`distances`, kept from call to call) with one uniform number each; the first by weight.
void plus_plus(const double* z, const double* weights, int n, int d, int from, int to, int trials,
               const double* uniforms, double* distances, std::int32_t* seeds) {
    std::vector<double> running(n), centre(d), trial(n), least(n);
    const auto sum_up = [&](const double* nearest) {
        double sum = 0.0;
        for (int i = 0; i < n; ++i) running[i] = sum += nearest ? weights[i] * nearest[i] : weights[i];
        return sum > 0.0;
    };
    // What is left of the weighted distances with one more seed.
    const auto with_seed = [&](int row, double* left) {
        for (int p = 0; p < d; ++p) centre[p] = z[std::size_t(p) * n + row];
        double lanes[8] = {};
        for (int start = 0; start < n; start += KMEANS_ROWS) {
            const int held = std::min(KMEANS_ROWS, n - start);
            squares(z + start, n, d, held, centre.data(), left + start);
            for (int i = start; i < start + held; ++i) left[i] = std::min(left[i], distances[i]);
            int i = start;
            for (; i + 8 <= start + held; i += 8)
                for (int lane = 0; lane < 8; ++lane) lanes[lane] += weights[i + lane] * left[i + lane];
            for (; i < start + held; ++i) lanes[0] += weights[i] * left[i];
        }
        double sum = 0.0;
        for (double lane : lanes) sum += lane;
        return sum;
    };
    if (from == 0) {
        sum_up(nullptr);
        seeds[0] = row_at(running, uniforms[0]);
        std::fill(distances, distances + n, std::numeric_limits<double>::infinity());
        with_seed(seeds[0], least.data());
        std::copy(least.begin(), least.end(), distances);
    }
    for (int j = std::max(from, 1); j < to; ++j) {
        if (!sum_up(distances)) {
            seeds[j] = seeds[j % std::min(j, n)];  // all rows that are left weigh nothing, or lie where seeds do
            continue;
        }
        double fewest = std::numeric_limits<double>::infinity();
        for (int t = 0; t < trials; ++t) {
            const int row = row_at(running, uniforms[1 + std::size_t(j - 1) * trials + t]);
            const double left = with_seed(row, trial.data());
            if (t == 0 || left < fewest) {
                fewest = left;
                seeds[j] = row;
                trial.swap(least);
            }
        }
        std::copy(least.begin(), least.end(), distances);
    }
}

}  // namespace TARGET
}  // namespace gmmkit
