"""Holds landscope to what it promises of its files: nothing is lost, nothing wrong is believed."""
