"""Mixtures as values: frozen, built from known parameters, ignorant of how they were fitted."""
