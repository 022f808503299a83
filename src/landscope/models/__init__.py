"""Models: builders that take a norm; :mod:`landscope.models.table` has all of them."""
