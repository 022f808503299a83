"""Norms: one a file, with its formula and its source; :mod:`landscope.norms.table` has all."""
