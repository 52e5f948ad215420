// Armadillo's gmm_full and gmm_diag (Sanderson & Curtin 2017), one thread (no OpenMP), from given parameters.
#include <armadillo>
#include <cstring>

#include "given.hpp"

template <class Model> bool fitted(Model& model, const arma::mat& rows, size_t k, size_t passes) {
    return model.learn(rows, k, arma::maha_dist, arma::keep_existing, 0, passes, 1e-6, false);
}

int main(int count, char** words) {
    if (count == 2) return std::printf("Armadillo %s\n", arma::arma_version::as_string().c_str()) < 0;
    Given given(count, words);
    // A row of ours is a column of Armadillo's: the same memory.
    const arma::mat rows(given.rows.data(), given.d, given.n, false, true), means(given.means.data(), given.d, given.k);
    const arma::rowvec weights(given.weights.data(), given.k);
    given.time([&](size_t passes) {
        if (given.full) {
            arma::cube unit(given.d, given.d, given.k);
            unit.each_slice() = arma::eye(given.d, given.d);
            arma::gmm_full model;
            model.set_params(means, unit, weights);
            if (!fitted(model, rows, given.k, passes)) std::exit(1);
        } else {
            arma::gmm_diag model;
            model.set_params(means, arma::ones(given.d, given.k), weights);
            if (!fitted(model, rows, given.k, passes)) std::exit(1);
        }
    });
}
