"""Algorithms over mixtures: what enters a score, how rows are assigned, how statistics become parameters."""
