"""What facts say to a person, a line each."""

from decimal import Decimal

import pytest

from quarterdeck.cli.story import told
from quarterdeck.domain import (
    AnswersRetired,
    CancelState,
    CapitalDeclared,
    Effect,
    Evidence,
    ExitDeferred,
    ExitResumed,
    Fact,
    HoldingDeclared,
    Intent,
    KillVerified,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderSeen,
    OrderState,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    Side,
    Source,
    Verdicts,
)
from quarterdeck.orders import Order
from tests.system.desk import BTC
from tests.system.states import state_with, stop_order

SECOND_NS = 1_000_000_000
ZERO = Decimal(0)
EXIT = Intent("x1", Source.STRATEGY, "strategy", Effect.REDUCE, Side.SELL, BTC, ZERO, "position", cause="target")
STOP = OrderPlanned(
    at_ns=SECOND_NS,
    intent_id="p1",
    client_id="s1",
    source=Source.PROTECTION,
    venue="a",
    instrument=BTC,
    side=Side.SELL,
    effect=Effect.REDUCE,
    order_kind=OrderKind.STOP,
    qty_lots=10_000_000,
    lot=Decimal("0.00000001"),
    tick=Decimal("0.01"),
    reference_price=26_600.0,
    reserve_asset="BTC",
    reserve_per_lot=ZERO,
    send_by_ns=1,
    kill_epoch=0,
    verdicts=Verdicts(0, 0, 0, (), ()),
    trigger_ticks=2_660_000,
)


def moved(evidence: Evidence, state: OrderState, reason: str = "") -> OrderMoved:
    return OrderMoved(1, "c1", evidence, state, 0, ZERO, CancelState.NONE, reason=reason)


@pytest.mark.parametrize(
    ("fact", "word", "text"),
    [
        (STOP, "protect", "sell 0.1 BTC on a once it trades at 26,600.00: a stop order of our own"),
        (
            ExitDeferred(1, EXIT),
            "waits",
            "the exit of BTC-USD (target) goes on once the stop order that holds its goods is cancelled",
        ),
        (ExitResumed(1, "x1"), "goes on", "what held the goods of exit x1 has ended"),
        (
            ProtectionTried(7 * SECOND_NS, "a", BTC, SECOND_NS, 3, 11 * SECOND_NS),
            "naked",
            "BTC-USD on a has no stop order there for 6 s; attempt 3, the next comes 4 s from now",
        ),
        (ProtectionSettled(1, "a", BTC), "protected", "BTC-USD on a: there is nothing left to protect"),
        (
            OthersSeen(1, "a", (OrderSeen("", "17", BTC, Side.BUY, 5, 0),)),
            "others",
            "a: buy BTC-USD 17; not ours, left alone",
        ),
        (OthersSeen(1, "a", ()), "others", "no order of others works on the account of a any more"),
        (KillVerified(1, "a", 1), "verified", "a lists no order of ours, and none can appear any more"),
        (moved(Evidence.AMBIGUOUS, OrderState.UNKNOWN, "timed out"), "unknown", "order c1: timed out"),
        (
            moved(Evidence.LOST, OrderState.UNKNOWN),
            "unknown",
            "order c1: the venue knew it, and denies it again and again",
        ),
        (
            moved(Evidence.DECLARED_GONE, OrderState.CANCELLED, "not in the list"),
            "cancelled",
            "order c1: a person looked at the venue; not in the list",
        ),
        (moved(Evidence.ABSENCE_PROVEN, OrderState.NOT_PLACED), "not placed", "order c1: denied often enough "),
        (
            CapitalDeclared(1, {"a": {"USD": Decimal(5)}}, 5.0, (HoldingDeclared("a", BTC, Decimal(1), Decimal(9)),)),
            "capital",
            "the bot may call its own: 5.00 USD on a, 1 BTC-USD on a at a cost of 9.00",
        ),
    ],
)
def test_each_fact_is_told_in_one_line(fact: Fact, word: str, text: str) -> None:
    line = told(fact, state_with())
    assert line is not None
    assert line.word == word
    assert line.text.startswith(text)


def test_a_settled_protection_says_by_what() -> None:
    def text(sell: Order) -> str:
        line = told(ProtectionSettled(1, "a", BTC), state_with(orders={"s1": sell}, live={"s1": 1}))
        return line.text if line else ""

    assert text(stop_order()) == "BTC-USD on a: a stop order covers it"
    assert text(stop_order(order_kind=OrderKind.MARKET, trigger_ticks=None)) == "BTC-USD on a: it is being sold"


def test_what_only_keeps_books_is_not_told() -> None:
    assert told(AnswersRetired(1, ("k",)), state_with()) is None
    assert told(moved(Evidence.ACKNOWLEDGED, OrderState.OPEN), state_with()) is None
    assert told(ProtectionTried(5, "a", BTC, 5, 1, 6), state_with()) is None
