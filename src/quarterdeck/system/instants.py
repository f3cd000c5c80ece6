"""Instants as outside readers get them, where an instant may be missing."""

from __future__ import annotations

from quarterdeck import ports


def iso(at_ns: int) -> str | None:
    """Write an instant as ISO 8601 with Z; None for 0 and below, which stand for none."""
    return ports.iso(at_ns) if at_ns > 0 else None
