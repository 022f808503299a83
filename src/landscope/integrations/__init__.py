"""Adapters to other people's tools, one a file; none is imported before it is asked for."""
