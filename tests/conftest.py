"""Fixtures and settings that all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# "ci" draws the same examples in every run, so that a red build is red again on the desk; "long" explores new ones.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("ci"), derandomize=False, max_examples=600, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of recorded market data and reference figures that lies beside a checkout; not part of it."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the folder 'shared' with recorded market data does not lie beside this checkout")
    return path
