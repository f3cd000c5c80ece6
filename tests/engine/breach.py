"""What the auditor raises."""


class Breach(AssertionError):
    """A rule that the facts break; `rule` names it."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


def require(rule: str, holds: bool, what: str) -> None:
    """
    Hold a rule against what was found.

    Raises:
        Breach: If it does not hold.
    """
    if not holds:
        raise Breach(rule, what)
