"""A kill when nothing else is wrong: what a person may rely on who pulls the switch."""

import asyncio
from collections.abc import Callable

from quarterdeck.domain import OrderKind, OrderState
from quarterdeck.engine import State
from quarterdeck.orders import ENDED
from tests.simulation.breach import require
from tests.simulation.durable import Durable
from tests.simulation.surrounds import Home

HEARD_WITHIN_S = 3.0
ENDED_WITHIN_S = 30.0
SWEPT_WITHIN_S = 90.0
LOOK_S = 0.25


async def last_kill(home: Home, raise_kill: Callable[[], object]) -> None:
    """
    Raise the kill switch while a bot runs and its venues answer, and see what becomes of its orders.

    I4: within a bound every order from before is ended, or listed as unresolved; and each venue is found empty.

    Raises:
        Breach: If an order lives on, or a venue is not searched.
    """
    durable = home.durable
    durable.refresh()
    before = [one.client_id for one in durable.state.live_orders() if one.state not in ENDED]
    raise_kill()
    await _until(durable, HEARD_WITHIN_S, lambda state: [] if state.kill_raised else ["the kill is not heard"])
    await _until(durable, ENDED_WITHIN_S, lambda state: [one for one in before if not _is_over(state, one)])
    await _until(durable, SWEPT_WITHIN_S, lambda state: [f"{venue} was not found empty" for venue in state.unswept])
    durable.coverage.hit("orders ended by the last kill", len(before))
    durable.coverage.hit("killed at rest")


def _is_over(state: State, client_id: str) -> bool:
    """Whether an order has ended or counts as unresolved, or is a stop that may stand while all else is halted."""
    order = state.orders.get(client_id)
    if order is None or order.state in ENDED or order.state is OrderState.UNKNOWN:
        return True
    settings = state.settings
    return order.order_kind is OrderKind.STOP and settings is not None and settings.guardrails.protect_when_halted


async def _until(durable: Durable, seconds: float, left: Callable[[State], list[str]]) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while found := left(durable.state):
        require(loop.time() - began_s <= seconds, "I4", f"{seconds} s after a kill: {', '.join(found[:5])}")
        await asyncio.sleep(LOOK_S)
        durable.refresh()
