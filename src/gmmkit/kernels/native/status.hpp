// How a run of passes ended; kernels/native/plain.py and __init__.py know them by these numbers.
#pragma once

namespace gmmkit {

enum Status { CONVERGED, UNFINISHED, SINGULAR };

}  // namespace gmmkit
