// One pass of a mixture over rows as the caller has them: score, assign, gather, a tile at a time; and what a mixture
// says of rows. This file is compiled once for each instruction set; dispatch.cpp chooses.
#include <optional>

#include "deviations.hpp"
#include "expanded.hpp"
#include "full_moments.hpp"
#include "full_scores.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Σ w z zᵀ, or the squares only: what scores of components that share their covariance leave out.
struct Scatter {
    const DenseSums& out;
    std::optional<Moments<double>> moments;
    Array<double> sums;

    Scatter(const DenseSums& sums_, const Tile<double>& tile) : out(sums_) {
        if (out.matrix) moments.emplace(tile.d, tile.rows);
        sums.assign(out.matrix ? moments->size + WIDTH<double> : tile.d, 0.0);
    }
    void add(Tile<double>& tile) {
        std::copy(tile.weights.begin(), tile.weights.end(), tile.shares.begin());
        if (out.matrix) return moments->add(tile, nullptr, nullptr, sums.data());
        for (int j = 0; j < tile.d; ++j) {
            Doubles sum = {};
            for (int i = 0; i < tile.width(); i += WIDTH<double>) {
                const Doubles z = get(tile.column(j) + i);
                sum += get(tile.shares.data() + i) * z * z;
            }
            sums[j] += sum_of<double>(sum);
        }
    }
    void write(int d) const {
        if (out.matrix) return moments->write(sums.data(), nullptr, nullptr, out.scatter);
        for (int j = 0; j < d; ++j) out.scatter[j] += sums[j];
    }
};

template <typename T, typename Scores>
double assign(Scores& scores, Tile<T>& tile, bool unweighted) {
    scores.score(tile);
    tile.exponentiate();
    return tile.share(unweighted);
}
template <typename T, int D>
double assign(WrittenScores<T, D>& scores, Tile<T>& tile, bool unweighted) {
    return scores.assign(tile, unweighted);
}

// The rows of a block, and where its sums go.
inline DenseRows rows_of(const DenseRows& all, const DenseBlocks& blocks, std::int64_t block) {
    DenseRows rows = all;
    const std::int64_t start = block * blocks.rows, size = all.single ? sizeof(float) : sizeof(double);
    rows.n = std::min(blocks.rows, all.n - start);
    rows.values = static_cast<const char*>(all.values) + start * all.row_stride * size;
    if (all.weights) rows.weights = all.weights + start;
    return rows;
}
inline DenseSums sums_of(const DenseSums& first, const DenseBlocks& blocks, std::int64_t block) {
    DenseSums sums = first;
    for (double** own : {&sums.counts, &sums.first, &sums.second, &sums.origin, &sums.scatter})
        if (*own) *own += block * blocks.stride;
    sums.log_likelihood += block;
    return sums;
}

template <typename T, typename Scores, typename Gathered>
void pass(const DenseRows& all, const DenseMixture& mixture, const DenseSums& sums, DenseBlocks& blocks) {
    std::int64_t block = blocks.take();
    if (block >= blocks.count) return;
    Tile<T> tile(all.d, mixture.k, Scores::columns(mixture, all.d), Scores::components(mixture));
    Scores scores(mixture, tile);
    for (; block < blocks.count; block = blocks.take()) {
        const DenseRows rows = rows_of(all, blocks, block);
        const DenseSums out = sums_of(sums, blocks, block);
        Gathered gathered(mixture, tile);
        std::optional<Scatter> scatter;
        if constexpr (std::is_same_v<T, double>)
            if (out.scatter) scatter.emplace(out, tile);
        double total = 0.0;
        for (std::int64_t start = 0; start < rows.n; start += tile.rows) {
            tile.read(rows, start);
            if constexpr (std::is_same_v<T, double>)
                if (scatter) scatter->add(tile);
            total += assign(scores, tile, !rows.weights);
            gathered.gather(tile);
        }
        *out.log_likelihood = total;
        // A row too far from every component for a score that is a number: nothing is added.
        if (std::isfinite(total)) {
            gathered.write(out);
            if (scatter) scatter->write(rows.d);
        }
        blocks.finish();
    }
}

template <typename T, typename Scores>
void answer(const DenseRows& rows, const DenseMixture& mixture, const DenseAnswers& out, std::int64_t* lost) {
    const int k = mixture.k;
    Tile<T> tile(rows.d, k, Scores::columns(mixture, rows.d), Scores::components(mixture));
    Scores form(mixture, tile);
    *lost = 0;
    for (std::int64_t start = 0; start < rows.n; start += tile.rows) {
        tile.read(rows, start);
        tile.measure();
        form.score(tile);
        for (int i = 0; i < tile.held; ++i) *lost += !std::isfinite(tile.tops[i]);
        if (out.labels)
            for (int i = 0; i < tile.held; ++i) {
                int j = 0;
                while (j + 1 < k && tile.of(j)[i] != tile.tops[i]) ++j;
                out.labels[start + i] = j;
            }
        if (out.scores)
            for (int i = 0; i < tile.held; ++i)
                for (int j = 0; j < k; ++j) out.scores[(start + i) * k + j] = double(tile.of(j)[i]) * LOG_2;
        if (!out.log_sums && !out.certainty && !out.posterior) continue;
        tile.exponentiate();
        for (int i = 0; i < tile.held; ++i) {
            const double total = std::log(double(tile.totals[i]));
            if (out.log_sums) out.log_sums[start + i] = double(tile.tops[i]) * LOG_2 + total;
            if (out.certainty) out.certainty[start + i] = -total;
        }
        for (int i = 0; i < tile.held && out.posterior; ++i) {
            const T share = T(1) / tile.totals[i];
            for (int j = 0; j < k; ++j) out.posterior[(start + i) * k + j] = tile.of(j)[i] * share;
        }
    }
    std::copy(tile.largest.begin(), tile.largest.end(), out.largest);
}

// Columns up to which triangles are written out: of scores, of moments.
constexpr int MOST_SCORED = REGISTERS == 32 ? 16 : 8, MOST_GATHERED = MOST_SCORED;

template <typename T, int D>
using FullScores = std::conditional_t<(D >= 1 && D <= MOST_SCORED), WrittenScores<T, D>, PanelScores<T>>;
template <typename T, int D>
using FullMoments = std::conditional_t<(D >= 1 && D <= MOST_GATHERED), WrittenMoments<T, D>, TiledMoments<T>>;

// Call work with the number of columns as a constant, up to MOST; beyond, with 0.
template <int MOST, int D = 1, typename Work>
void with_columns(int d, Work work) {
    if constexpr (D > MOST) work(std::integral_constant<int, 0>());
    else if (d == D) work(std::integral_constant<int, D>());
    else with_columns<MOST, D + 1>(d, work);
}

template <typename T>
void full_pass(const DenseRows& rows, const DenseMixture& mixture, const DenseSums& out, DenseBlocks& blocks) {
    with_columns<MOST_GATHERED>(rows.d, [&](auto columns) {
        pass<T, FullScores<T, columns()>, FullMoments<T, columns()>>(rows, mixture, out, blocks);
    });
}

}  // namespace

void dense_pass(const DenseRows& rows, const DenseMixture& mixture, const DenseSums& out, DenseBlocks& blocks) {
    if (mixture.form == MATRICES && mixture.single) return full_pass<float>(rows, mixture, out, blocks);
    if (mixture.form == MATRICES) return full_pass<double>(rows, mixture, out, blocks);
    if (mixture.form == DEVIATIONS)
        return pass<float, DeviationScores<float>, DeviationMoments<float>>(rows, mixture, out, blocks);
    pass<double, ExpandedScores, ExpandedSums>(rows, mixture, out, blocks);
}

void dense_answer(const DenseRows& rows, const DenseMixture& mixture, const DenseAnswers& out, std::int64_t* lost) {
    if (mixture.form != MATRICES) return answer<double, ExpandedScores>(rows, mixture, out, lost);
    with_columns<MOST_SCORED>(rows.d, [&](auto columns) {
        answer<double, FullScores<double, columns()>>(rows, mixture, out, lost);
    });
}

}  // namespace TARGET
}  // namespace gmmkit
