"""Timings and memory, measured as ratios or against a bound within one run: `make bench`, or `python -m bench`."""
