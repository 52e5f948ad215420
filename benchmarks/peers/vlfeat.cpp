// VLFeat's mixture with diagonal covariances (Vedaldi & Fulkerson 2008), float64, one thread, from given parameters.
extern "C" {
#include <vl/generic.h>
#include <vl/gmm.h>
}
#include "given.hpp"

int main(int count, char** words) {
    if (count == 2) return std::printf("VLFeat %s\n", vl_get_version_string()) < 0;
    const Given given(count, words);
    if (given.full) return std::fprintf(stderr, "VLFeat has diagonal covariances only\n"), 2;
    vl_set_num_threads(1);
    const std::vector<double> unit(given.k * given.d, 1.0);
    given.time([&](size_t passes) {
        VlGMM* model = vl_gmm_new(VL_TYPE_DOUBLE, given.d, given.k);
        vl_gmm_set_initialization(model, VlGMMCustom);
        vl_gmm_set_means(model, given.means.data());
        vl_gmm_set_covariances(model, unit.data());
        vl_gmm_set_priors(model, given.weights.data());
        vl_gmm_set_max_num_iterations(model, passes);
        vl_gmm_cluster(model, given.rows.data(), given.n);
        vl_gmm_delete(model);
    });
}
