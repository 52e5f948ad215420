// k-means of few rows (Lloyd 1982): the array engine's iteration (gmmkit/inference/kmeans.py) without what lies between.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace gmmkit {
namespace TARGET {

// Move the centres (k, d) until a pass changes half the weighted sum of squared distances by no more than `enough`. Rows
// are (d, n); a centre that no row is nearest to stays where it is.
void lloyd(const double* z, const double* weights, int n, int d, int k, double enough, int most, double* centres) {
    constexpr int AT_ONCE = 256;
    std::vector<double> sums(std::size_t(k) * (d + 1));
    double best[AT_ONCE], distance[AT_ONCE];
    int nearest[AT_ONCE];
    double before = std::numeric_limits<double>::infinity();
    for (int pass = 0; pass < most; ++pass) {
        std::fill(sums.begin(), sums.end(), 0.0);
        double value = 0.0;
        for (int start = 0; start < n; start += AT_ONCE) {
            const int held = std::min(AT_ONCE, n - start);
            std::fill(best, best + held, std::numeric_limits<double>::infinity());
            std::fill(nearest, nearest + held, 0);
            for (int j = 0; j < k; ++j) {
                std::fill(distance, distance + held, 0.0);
                for (int p = 0; p < d; ++p) {
                    const double *column = z + std::size_t(p) * n + start, centre = centres[std::size_t(j) * d + p];
                    for (int i = 0; i < held; ++i) distance[i] += (column[i] - centre) * (column[i] - centre);
                }
                for (int i = 0; i < held; ++i) {
                    nearest[i] = distance[i] < best[i] ? j : nearest[i];
                    best[i] = distance[i] < best[i] ? distance[i] : best[i];
                }
            }
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

}  // namespace TARGET
}  // namespace gmmkit
