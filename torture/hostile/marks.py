"""Marks by which a trial tells what happened: code that ran, a secret that was shown."""

CANARY = "landscope_canary"
"""In every hostile piece of code; running it leaves this word somewhere."""

SECRET = "landscope-secret-of-another-folder"
"""In a file outside of the study; it must never be seen in what is shown or written."""
