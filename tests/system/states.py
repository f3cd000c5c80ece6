"""States of a bot as they might be met, and orders in them, made by hand."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    BotSettings,
    CancelState,
    Effect,
    OrderKind,
    OrderState,
    SettingsAdopted,
    Side,
    Source,
)
from quarterdeck.engine import Marked, State, apply
from quarterdeck.orders import Order
from quarterdeck.portfolio import Position, Sums, Totals
from tests.system.desk import BTC, START_NS, settings

DAY_START_NS = START_NS - START_NS % DAY_NS
ZERO = Decimal(0)


def state_with(**changes: object) -> State:
    """A bot on two venues that is worth 9,700 today after an open of 10,000, and holds a tenth of a bitcoin."""
    state = State(
        at_ns=START_NS,
        cash={"a": {"USD": Decimal(7_000)}},
        fees={"USD": Decimal(30)},
        positions={"a": {BTC: Position(Decimal("0.1"), Decimal(2_800), Decimal(-250), START_NS, 1)}},
        equity=9_700.0,
        equity_open=10_000.0,
        units=10_000.0,
        index=0.97,
        index_peak=1.01,
        day_ns=DAY_START_NS,
        day_open=1.0,
        day_totals=Totals(Decimal(10_000), ZERO, ZERO, Decimal(5), ZERO, ZERO, 3, Sums(fees={"USD": Decimal(5)})),
        fills=5,
        recent=[Marked(START_NS - 5 * MINUTE_NS, 0.98)],
        peaks=[Marked(START_NS - DAY_NS, 1.005)],
    )
    apply(state, SettingsAdopted(START_NS, settings()))
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def limits_with(state: State, **changes: object) -> BotSettings:
    assert state.settings is not None
    guardrails = msgspec.structs.replace(state.settings.guardrails, **changes)
    return msgspec.structs.replace(state.settings, guardrails=guardrails)


def order(**changes: object) -> Order:
    """An order for 0.05 bitcoin whose outcome is not known."""
    made = Order(
        client_id="c1",
        intent_id="i1",
        source=Source.STRATEGY,
        venue="a",
        instrument=BTC,
        pair=BTC,
        rate=1.0,
        side=Side.BUY,
        effect=Effect.OPEN,
        order_kind=OrderKind.MARKET,
        qty_lots=50_000,
        lot=Decimal("0.000001"),
        tick=Decimal("0.01"),
        limit_ticks=None,
        reference_price=30_000.0,
        reserve_asset="USD",
        reserve_per_lot=Decimal("0.03"),
        planned_at_ns=START_NS,
        send_by_ns=START_NS,
        kill_epoch=0,
        state=OrderState.UNKNOWN,
        cancel=CancelState.NONE,
        absences=1,
        unknown_since_ns=START_NS,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def stop_order(**changes: object) -> Order:
    """A stop order that rests at venue `a` for a tenth of a bitcoin."""
    named: dict[str, object] = {
        "client_id": "s1",
        "order_kind": OrderKind.STOP,
        "side": Side.SELL,
        "effect": Effect.REDUCE,
        "source": Source.PROTECTION,
        "trigger_ticks": 2_660_000,
        "qty_lots": 10_000_000,
        "lot": Decimal("0.00000001"),
        "state": OrderState.OPEN,
    }
    return order(**{**named, **changes})
