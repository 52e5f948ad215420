// One pass of a mixture over rows as the caller has them: score, assign, gather, a tile at a time; and what a mixture
// says of rows. This file is compiled once for each instruction set; dispatch.cpp chooses.
#include <optional>

#include "deviations.hpp"
#include "expanded.hpp"
#include "full_blocked.hpp"
#include "full_small.hpp"

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

template <typename T, typename Chosen>
void pass(const DenseRows& rows, const DenseMixture& mixture, const DenseSums& out) {
    Tile<T> tile(rows.d, mixture.k, Chosen::columns(mixture, rows.d), Chosen::components(mixture));
    Chosen form(mixture, tile, true);
    std::optional<Scatter> scatter;
    if constexpr (std::is_same_v<T, double>)
        if (out.scatter) scatter.emplace(out, tile);
    double total = 0.0;
    for (std::int64_t start = 0; start < rows.n; start += tile.rows) {
        tile.read(rows, start);
        if constexpr (std::is_same_v<T, double>)
            if (scatter) scatter->add(tile);
        form.score(tile);
        tile.exponentiate();
        total += tile.share(!rows.weights);
        form.gather(tile);
    }
    *out.log_likelihood = total;
    // A row too far from every component for a score that is a number: nothing is added.
    if (!std::isfinite(total)) return;
    form.write(out);
    if (scatter) scatter->write(rows.d);
}

template <typename T, typename Chosen>
void answer(const DenseRows& rows, const DenseMixture& mixture, const DenseAnswers& out, std::int64_t* lost) {
    const int k = mixture.k;
    Tile<T> tile(rows.d, k, Chosen::columns(mixture, rows.d), Chosen::components(mixture));
    Chosen form(mixture, tile, false);
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
                for (int j = 0; j < k; ++j) out.scores[(start + i) * k + j] = tile.of(j)[i];
        if (!out.log_sums && !out.certainty && !out.posterior) continue;
        tile.exponentiate();
        for (int i = 0; i < tile.held; ++i) {
            const double total = std::log(double(tile.totals[i]));
            if (out.log_sums) out.log_sums[start + i] = double(tile.tops[i]) + total;
            if (out.certainty) out.certainty[start + i] = -total;
        }
        for (int i = 0; i < tile.held && out.posterior; ++i) {
            const T share = T(1) / tile.totals[i];
            for (int j = 0; j < k; ++j) out.posterior[(start + i) * k + j] = tile.of(j)[i] * share;
        }
    }
    std::copy(tile.largest.begin(), tile.largest.end(), out.largest);
}

// Call work with a value of the type that does what the mixture asks for.
template <int D = 1, typename T, typename Work>
void with_matrices(int d, Work work, T) {
    if constexpr (D <= MOST_WRITTEN_OUT) {
        if (d == D) return work(T(), static_cast<SmallFull<T, D>*>(nullptr));
        with_matrices<D + 1>(d, work, T());
    } else {
        work(T(), static_cast<BlockedFull<T>*>(nullptr));
    }
}

template <typename Work>
void with_form(const DenseMixture& mixture, int d, Work work) {
    if (mixture.form == MATRICES && mixture.single) return with_matrices(d, work, float());
    if (mixture.form == MATRICES) return with_matrices(d, work, double());
    if (mixture.form == DEVIATIONS && mixture.single) return work(float(), static_cast<Deviations<float>*>(nullptr));
    if (mixture.form == DEVIATIONS) return work(double(), static_cast<Deviations<double>*>(nullptr));
    work(double(), static_cast<Expanded*>(nullptr));
}

}  // namespace

void dense_pass(const DenseRows& rows, const DenseMixture& mixture, const DenseSums& out) {
    with_form(mixture, rows.d, [&](auto value, auto* form) {
        pass<decltype(value), std::remove_pointer_t<decltype(form)>>(rows, mixture, out);
    });
}

void dense_answer(const DenseRows& rows, const DenseMixture& mixture, const DenseAnswers& out, std::int64_t* lost) {
    with_form(mixture, rows.d, [&](auto value, auto* form) {
        answer<decltype(value), std::remove_pointer_t<decltype(form)>>(rows, mixture, out, lost);
    });
}

}  // namespace TARGET
}  // namespace gmmkit
