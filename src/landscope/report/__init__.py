"""The report: verdicts and figures laid out in one self-contained page. It computes nothing."""
