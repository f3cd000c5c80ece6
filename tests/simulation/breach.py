"""How the simulation says that an invariant does not hold."""

from tests.engine.breach import Breach


def require(holds: bool, rule: str, what: str) -> None:
    """
    Hold an invariant; `rule` is its number in the list of invariants.

    Raises:
        Breach: If it does not hold.
    """
    if not holds:
        raise Breach(rule, what)
