"""Figures of studies, each written once as a specification and drawn twice: on paper, on screen.

Reads rows of records only, and raises RecordError where rows are missing. Never imports torch.
"""
