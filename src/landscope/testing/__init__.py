"""Conformance suites: what a row of each of landscope's tables must do, for other people's rows."""
