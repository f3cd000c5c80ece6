"""Tests, mirroring the rooms of the package; see CONTRIBUTING.md."""
