"""`GaussianMixture`: a drop-in for scikit-learn's class, on gmmkit's engine."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.utils._param_validation import StrOptions

from gmmkit.estimators.em_mixture import EMMixture
from gmmkit.model.covariance import LOW_RANK, NAMES

__all__ = ["GaussianMixture"]


class GaussianMixture(EMMixture):
    """Gaussian mixture fitted by expectation–maximisation.

    A drop-in for :class:`sklearn.mixture.GaussianMixture`: the same parameters, attributes and methods, plus
    row weights, threads, callbacks, starts of one's own, rows that do not fit into memory, and results that do
    not depend on the data's offset or scale.

    Parameters
    ----------
    n_components : int, default=1
        Number of components, k.
    covariance_type : {"full", "tied", "diag", "spherical", "factor"} or one of mclust's structures, default="full"
        Each component its own matrix; one matrix for all; its own variance for each column; one variance each.
        mclust's names say of volume, shape and orientation whether they are equal in all components (E), each
        component's own (V), or absent (I): see :mod:`gmmkit.model.covariance`. "factor": a few directions and noise,
        ``Λ_k Λ_kᵀ + Ψ_k``, for many columns (`n_factors`).
    tol : float, default=1e-3
        Stop when a pass changes the mean (penalised) log-likelihood by less.
    reg_covar : "auto" or float, default="auto"
        ``"auto"``: a maximum a posteriori fit with pseudo-scatter of one millionth of the data's own covariance,
        which no change of units alters and under which the objective never falls. A number is scikit-learn's
        absolute ridge, added to every covariance's diagonal; 0 asks for no help, and raises where some is needed.
    max_iter : int, default=100
        Most passes from each start.
    n_init : int, default=1
        Number of starts; the best is kept.
    init_params : str, default="kmeans"
        How starts are made. scikit-learn's ``"kmeans"``, ``"k-means++"``, ``"random"`` and ``"random_from_data"``;
        ``"hierarchical"``, a model-based agglomerative hierarchy, and ``"hierarchical-ward"``, Ward's;
        ``"short-runs"``, the best of many short runs of EM; ``"swap"``, the best of all these, improved by splitting,
        merging and moving components. The last four depend on the units of the data no more than the covariances do.
        All but ``"random"`` depend only on what the rows say: repeating a row equals doubling its weight.
    weights_init : array-like of shape (k,), optional
    means_init : array-like of shape (k, d), optional
    precisions_init : array-like, optional
        Inverse covariances, in the shape of ``precisions_``. What is not given comes from `init_params`.
    random_state : int, RandomState or None, default=None
    warm_start : bool, default=False
        Begin the next fit where the last one ended.
    verbose : int, default=0
        Print progress to standard output, as scikit-learn does.
    verbose_interval : int, default=10
    n_jobs : int or None, default=None
        Threads. None: as many as BLAS may use; -1: all cores. Results have the same bits for any number.
    callback : callable, optional
        Called after each pass with a :class:`gmmkit.inference.algorithm.Progress`.
    on_singular : {"auto", "floor", "reseed", "drop", "raise"}, default="auto"
        What to do with a component that collapses: hold its covariance up, move it to a random row, drop it, or
        raise. "auto" holds it up, and raises if ``reg_covar=0``. Repairs are reported in one
        :class:`gmmkit.errors.SingularComponentWarning`.
    prior : "conjugate" or ConjugatePrior, optional
        A normal–inverse-Wishart prior of each component, which keeps components from collapsing, and a Dirichlet
        prior of the weights; "conjugate" is :class:`gmmkit.ConjugatePrior` with its defaults (Fraley & Raftery
        2007). ``lower_bound_`` is then the log posterior per row, up to a constant. ``reg_covar="auto"`` adds nothing
        more but a tiny variance in directions without spread; a number is added as ever.
    equal_weights : bool, default=False
        Hold every weight at 1/k; criteria count k − 1 parameters fewer.
    noise : True, float or array-like of bool (n,), optional
        A uniform background beside the components, for rows that belong to none. True: at first, rows in sparse places
        are noise (Byers & Raftery 1998); a number: the sparsest rows, so large a share; or these rows. `predict` gives
        −1 for noise, and rows of `predict_proba` sum to 1 less its probability (`noise_probability`). Criteria count
        two parameters more, its weight and its volume, as mclust does.
    noise_volume : "auto", "hull", "box" or float, default="auto"
        The volume that the background fills. "hull": the convex hull of the rows, which every linear map of the data
        maps with them, so that a fit depends on their units no more than the covariances do. "box": the smaller of
        the box along the columns and that along the principal axes, mclust's default. "auto": the hull in one or two
        columns, the box beyond, where a hull hugs the rows so closely that clean data look like noise. The density
        outside is the same.
    acceleration : "squarem", optional
        The same optimum in fewer passes, the more clusters overlap: every third step is extrapolated from the
        statistics of three passes (SQUAREM, Varadhan & Roland 2008), and taken back where the objective would fall. A
        pass that finds that out counts in ``n_iter_`` and repeats the bound before it. After such steps a fit has
        converged when three gains in a row are below `tol`. For every structure, with noise and priors. None: plain EM,
        as scikit-learn's.
    warm_up : "mini-batch", optional
        Before the first pass from each start, one or two readings of all rows in batches drawn from all over them, the
        parameters being refitted after each batch (stepwise EM, Cappé & Moulines 2009): worth many passes where there
        are many rows. A batch has as many rows as the model has parameters, and at least 1024; with fewer than 16
        batches, and where a warm start goes on, there is none. Exact passes follow, which alone count in ``n_iter_``
        and decide convergence; batches depend on `random_state`. It may lead to another optimum of the likelihood,
        often a better one. What was read is in ``fit_result_.warm_up``.
    n_init_stop : "dominated", optional
        Of `n_init` > 1 starts, stop those early that are to end clearly below the best one so far: fifty times what is
        still to come by Aitken's estimate does not lead there, five passes in a row. A slow start that would have
        become the best after all is seldom among them. ``fit_result_.starts_stopped`` counts them. None: every start
        is run to its end.
    truncation : int, optional
        For very many components, "diag", "spherical" or "full": each row is shared among so few components, the best
        that it has found, C, and a pass no longer grows with rows × components (`Notes`). 16 is a good choice; with C
        of `n_components` or more, it is EM, whatever else is asked for. Keeps 4 C + 16 bytes a row. Not with `noise`,
        `acceleration` or `warm_up`; `init_params` is "kmeans", "k-means++" or "random_from_data", of more than 256
        components made without a pass over rows × components.

    n_factors : int, optional
        With "factor" covariances: so many directions of each component's own, fewer than columns. The fit is that of
        :class:`MixtureOfFactorAnalyzers`, which also gives rows in the factors' coordinates; nothing of columns ×
        columns is made. Noise is a variance for each column and component; "factor-EEI", "factor-VII" and "factor-EII"
        share it among components, columns or both. Not with `precisions_init`, `prior`, `noise`, `warm_up` or
        `truncation`; always in float64.
    dtype : {"float32", "float64"}, optional
        What passes are computed in. None: float32 for float32 rows, else float64. In float32 a pass takes about half
        the time; sums over rows are float64 all the same, and means and covariances agree with float64's to 1e-5 of the
        components' standard deviations. Float32 takes the compiled kernel, covariances that components do not share, no
        `noise`, `truncation` or `acceleration`, weights from 1e-12 to 1e12, and no rows more than some hundred standard
        deviations from the data's mean; else float64 is used, ``fit_result_.precision`` says so, and a PrecisionWarning
        says why where float32 was asked for. Small fits (rows × components × (d + 1)(d + 2) / 2 up to a million),
        predictions, and passes that change the bound by less than 1e-5 are always computed in float64.

    Attributes
    ----------
    weights_ : ndarray of shape (k,)
        Sum to 1; with noise, to 1 less `noise_weight_`.
    noise_weight_ : float
    means_ : ndarray of shape (k, d)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        (k, d, d) for "full", (d, d) for "tied", (k, d) for "diag", (k,) for "spherical"; for the others see
        :meth:`gmmkit.Mixture.from_arrays`.
        Of "factor" they are written out, (k, d, d), when they are asked for.
    loadings_, noise_variance_ : ndarray of shapes (k, d, q) and (k, d)
        Of "factor" alone: Λ and the diagonals of Ψ.
    converged_ : bool
    n_iter_ : int
        Exact passes made from the best start.
    lower_bound_ : float
        Mean penalised log-likelihood, at the parameters before the last refit, as in scikit-learn; with `truncation`
        a lower bound of it, the one that is maximised: that of the C components of each row alone.
    lower_bounds_ : list of float
        The same for every pass.
    mixture_ : Mixture
        The fitted mixture as a value.
    fit_result_ : FitResult
        Everything the fit found: repairs, effective rows of each component, the reason it stopped.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Components come in an order that depends on the data only (along the principal axis of their means), unless
    the caller gave them. See Dempster, Laird & Rubin (1977).

    With `truncation`, a pass tries with each row the components that it kept, the neighbours of the best of these, and
    one at random, and keeps the best of all (Lücke & Eggert 2010; Hirschberger, Forster & Lücke 2022; Salwig et al.
    2025). The bound never falls, and takes some passes more to the same likelihood. In passes 1, 2, 4, 8, … rows search
    more widely, which takes several times as long. The fit does not depend on the number of threads nor, from a given
    start, on the order of the rows. `predict`, `predict_proba`, `score` and the like remain exact: they look at every
    component.

    Examples
    --------
    >>> import numpy as np
    >>> from gmmkit import GaussianMixture
    >>> X = np.array([[0, 2], [1, 4], [2, 0], [9, 2], [10, 4], [11, 0]])
    >>> gm = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> gm.means_.round(6)
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> gm.predict([[0, 0], [12, 3]])
    array([0, 1])

    Overlapping clusters take many passes, and fewer by far where steps are stretched:

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 1)) + np.repeat([[0.0], [1.5]], 250, axis=0)
    >>> plain = GaussianMixture(2, tol=1e-9, max_iter=10000, random_state=0).fit(X)
    >>> fast = GaussianMixture(2, tol=1e-9, max_iter=10000, random_state=0, acceleration="squarem").fit(X)
    >>> fast.n_iter_ < plain.n_iter_ / 3, bool(fast.lower_bound_ >= plain.lower_bound_ - 1e-6)
    (True, True)

    Many columns, of which five directions say nearly all:

    >>> X = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 40)) + 0.1 * rng.normal(size=(300, 40))
    >>> gm = GaussianMixture(covariance_type="factor", n_factors=5, random_state=0).fit(X)
    >>> gm.loadings_.shape, gm.mixture_.n_parameters, GaussianMixture().fit(X).mixture_.n_parameters
    ((1, 40, 5), 270, 860)

    Very many components, of which each row knows four:

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(5000, 2)) + 50.0 * rng.integers(20, size=(5000, 2))
    >>> gm = GaussianMixture(400, covariance_type="spherical", truncation=4, random_state=0).fit(X)
    >>> bool(gm.lower_bound_ <= gm.score(X) + 1e-3)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **EMMixture._parameter_constraints,
        "covariance_type": [StrOptions({*NAMES, *LOW_RANK})],
    }
