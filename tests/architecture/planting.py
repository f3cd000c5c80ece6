"""A small checkout that keeps every rule, into which a test plants one breach."""

from pathlib import Path

CONTRACTS = """
[[tool.importlinter.contracts]]
type = "layers"
layers = ["system", "feeds | venues", "(backtest)", "engine", "strategies", "domain"]

[[tool.importlinter.contracts]]
id = "pure-core"
type = "forbidden"
source_modules = ["quarterdeck.domain", "quarterdeck.engine"]

[[tool.importlinter.contracts]]
id = "adapters"
type = "protected"
protected_modules = ["quarterdeck.feeds"]
"""
PACKAGE_DOOR = '"""The package."""\n\n__all__ = ["A", "Lazy"]\n\n\ndef __getattr__(name): ...\n'
DOMAIN_DOOR = '"""Words."""\n\nfrom quarterdeck.domain.facts import A, B\n\n__all__ = ["A", "B"]\n'
ENGINE_DOOR = '"""Decides."""\n\nfrom quarterdeck.engine.decide import decide\n\n__all__ = ["decide"]\n'
DECIDE = "from quarterdeck.domain import A\n\n\ndef decide():\n    return A\n"

TIDY = {
    "pyproject.toml": CONTRACTS,
    "src/quarterdeck/__init__.py": PACKAGE_DOOR,
    "src/quarterdeck/domain/__init__.py": DOMAIN_DOOR,
    "src/quarterdeck/domain/facts.py": "A = 1\nB = 2\n",
    "src/quarterdeck/engine/__init__.py": ENGINE_DOOR,
    "src/quarterdeck/engine/decide.py": DECIDE,
}


def plant(root: Path, changed: dict[str, str]) -> Path:
    """Write the checkout with these files changed or added (path to content) and return its root."""
    for name, text in (TIDY | changed).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
