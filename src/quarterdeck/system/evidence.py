"""What each piece of evidence about an order means to a person, and what the bot does because of it."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import Evidence

_E = Evidence
_BY_EVIDENCE: Final[dict[Evidence, tuple[str, str]]] = {
    _E.ACKNOWLEDGED: ("the venue says that it works", ""),
    _E.REJECTED: ("the venue refused it for good", "what was set aside for it is free again"),
    _E.CANCELLED: ("the venue cancelled what was left", "what was left is free once every reported lot is booked"),
    _E.EXPIRED: ("the venue let it expire", "what was left is free once every reported lot is booked"),
    _E.FILLED: ("the venue says that all of it filled", "its trades are pulled: only they move the position"),
    _E.AMBIGUOUS: ("it may or may not have arrived", "nothing is sent again; the venue is asked by client id"),
    _E.ABSENT: ("the venue does not know it", "asked again; a denial counts only once it could no longer arrive"),
    _E.LOST: ("the venue knew it, and denies it again and again", "its trades are pulled and the account is read"),
    _E.ABSENCE_PROVEN: ("denied often enough after it could last have arrived", "what was set aside for it is free"),
    _E.DECLARED_GONE: ("a person looked, and says that it does not work", "its trades are booked all the same"),
    _E.WITHDRAWN: ("it was never signed", "what was set aside for it is free again"),
    _E.RECOVERED: ("the process before this one left no answer to it", "the venue is asked by client id"),
    _E.FILL: ("a trade of it was booked", ""),
    _E.CANCEL_REQUESTED: ("it is to be cancelled", "the cancel is sent until the venue has answered it"),
    _E.CANCEL_ACCEPTED: ("the venue took the cancel", "it stays set aside until the venue says that it ended"),
    _E.CANCEL_REFUSED: ("the venue refused the cancel", "the venue is asked how it stands"),
    _E.CANCEL_AMBIGUOUS: ("the cancel may or may not have arrived", "the cancel is sent again"),
}
MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "guardrails": ("it passed the guardrails", "written down: it may be sent from now on, once"),
    **{evidence.value: told for evidence, told in _BY_EVIDENCE.items()},
}
"""Evidence, or `guardrails` for the plan → what it means, and what is done about it."""
