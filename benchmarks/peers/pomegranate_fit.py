"""pomegranate (torch) on one core, in its own float32, from given parameters."""

from __future__ import annotations

import sys
from importlib.metadata import version

import numpy as np
import torch
from given import Given
from pomegranate.distributions import Normal
from pomegranate.gmm import GeneralMixtureModel


def main() -> None:
    if sys.argv[1:] == ["version"]:
        print(f"pomegranate {version('pomegranate')} (torch {torch.__version__})")
        return
    torch.set_num_threads(1)
    given = Given()
    rows = torch.from_numpy(given.rows.astype(np.float32))
    unit = np.ones(given.d) if given.structure == "diag" else np.eye(given.d)

    def fit(passes: int) -> None:
        normals = [
            Normal(mean.astype(np.float32), unit.astype(np.float32), covariance_type=given.structure)
            for mean in given.means
        ]
        priors = given.weights.astype(np.float32)
        GeneralMixtureModel(normals, priors=priors, max_iter=passes, tol=-np.inf).fit(rows)

    given.time(fit)


main()
