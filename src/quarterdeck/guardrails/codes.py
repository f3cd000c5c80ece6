"""What every guardrail answers, how near to a limit still counts as the limit, and the bit that is each rule's."""

from __future__ import annotations

import math
from typing import Final

PASSED: Final = 0
REFUSED: Final = 1
UNKNOWN: Final = 2
SLACK: Final = 1e-9
INF: Final = math.inf

# Bits are given for ever, so that a verdict packed today is read rightly by every later version.
G1, G2, G3, G4, G5, G6, G7, G8, G9, G10 = range(10)
E1, E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13 = range(10, 23)
BITS: Final[dict[str, int]] = {f"G{n}": n - 1 for n in range(1, 11)} | {f"E{n}": n + 9 for n in range(1, 14)}
