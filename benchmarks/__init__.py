"""Benchmarks, side by side with peers in one process: ``make bench``, or ``python -m benchmarks NAME …``."""
