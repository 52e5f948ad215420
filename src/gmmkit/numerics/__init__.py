"""Floating-point ground: frames, factorisations, log-sum-exp, one BLAS thread, random streams."""
