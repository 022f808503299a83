"""Holds what landscope costs against the floor of arithmetic, the textbook and other tools."""
