"""Peers, each run in an interpreter of its own that has it installed."""
