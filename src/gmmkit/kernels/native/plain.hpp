// Plain expectation–maximisation of one mixture, pass by pass what the array engine does (gmmkit/inference/loop.py with
// em.py and the rule SmallChange): no step is stretched, and a refit follows every pass, the last one too.
#pragma once
#include <cmath>

#include "mixture.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

template <int D, bool DIAGONAL>
void run_plain(Mixture& m, const Run& settings, int s) {
    double* trace = settings.traces + std::size_t(s) * settings.max_iter;
    double before = settings.objectives[s];
    int passes = 0, status = UNFINISHED;
    m.refit.patient = true;
    while (passes < settings.max_iter && status == UNFINISHED && !*settings.interrupted) {
        const Evaluation now = m.pass<D, DIAGONAL>();
        bool ordinary = now.sound && std::isfinite(now.objective);
        for (int j = 0; ordinary && j < m.k; ++j) ordinary = m.sums_of(j)[0] >= settings.needed;
        if (!ordinary || !m.step<D, DIAGONAL>(m.around, m.at.means)) {
            status = SINGULAR;
            break;
        }
        trace[passes++] = now.objective;
        if (std::fabs(now.objective - before) < settings.tol) status = CONVERGED;
        before = now.objective;
    }
    // What no further pass will score must have factors too.
    if (status != SINGULAR && !m.prepare()) status = SINGULAR;
    settings.objectives[s] = before;
    settings.passes[s] = passes;
    settings.status[s] = status;
}

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
