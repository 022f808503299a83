"""Holds what landscope costs against the floor, what a user would write, and other tools."""
