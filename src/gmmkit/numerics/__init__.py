"""Floating-point ground: frames, factorisations, log-sum-exp, roots, one BLAS thread, random streams."""
