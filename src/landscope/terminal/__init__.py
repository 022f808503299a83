"""Terminal output of a study, while it runs and when it is done."""
