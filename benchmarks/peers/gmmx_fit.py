"""gmmx (jax) on one core, in float32, the only one it takes, from given parameters; compiling is left out."""

from __future__ import annotations

import sys
from importlib.metadata import version

import jax
import numpy as np
from given import Given
from gmmx import EMFitter, GaussianMixtureModelJax


def main() -> None:
    if sys.argv[1:] == ["version"]:
        print(f"gmmx {version('gmmx')} (jax {jax.__version__})")
        return
    given = Given()
    unit = np.ones((given.k, given.d)) if given.structure == "diag" else np.tile(np.eye(given.d), (given.k, 1, 1))
    means, unit, weights, rows = (
        jax.numpy.asarray(values.astype(np.float32)) for values in (given.means, unit, given.weights, given.rows)
    )
    model = GaussianMixtureModelJax.from_squeezed(means, unit, weights, covariance_type=given.structure)

    # The number of passes is a constant of what jax compiles; tol is compared with an absolute change: never below −1.
    fitters = {passes: EMFitter(max_iter=passes, tol=-1.0) for passes in given.passes}
    compiled = {passes: EMFitter.fit.lower(fitter, rows, model).compile() for passes, fitter in fitters.items()}

    def fit(passes: int) -> None:
        jax.block_until_ready(compiled[passes](fitters[passes], rows, model).log_likelihood)

    given.time(fit)


main()
