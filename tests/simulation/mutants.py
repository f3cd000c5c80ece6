"""Bugs put into the product on purpose: each must break an invariant in some seed, or the simulation proves little."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from unittest.mock import patch

from msgspec.structs import replace

from quarterdeck.domain import (
    Evidence,
    Fact,
    FillReported,
    InferredFill,
    Input,
    IntentAsked,
    OrderPlanned,
    OrderState,
)
from quarterdeck.engine import (
    Moment,
    SendOrder,
    ShellAct,
    State,
    decode_state,
    encode_state,
    recovery_acts,
    state_hash,
)
from quarterdeck.engine.cycle import take_request
from quarterdeck.engine.decide import _PLAIN, _WITH_MARKET
from quarterdeck.engine.fills import take_fill
from quarterdeck.exchange import Event, Trade
from quarterdeck.journal import SqliteJournal
from quarterdeck.orders import TABLE, Row
from quarterdeck.portfolio.books import Books, Change, FillToBook
from quarterdeck.portfolio.position import Position
from quarterdeck.ports import Clock, Entry, VenueNews
from quarterdeck.system import Errands, Hands, Loop
from quarterdeck.venues import SigningGate
from quarterdeck.venues.reports import Reporter
from tests.simulation.disaster_mutants import OF_DISASTERS
from tests.simulation.guardrail_mutants import WITHOUT_RULES
from tests.simulation.loose_doors import LOOSE_DOORS, both

Patch = AbstractContextManager[object]
FOREVER_NS = 2**62


def send_before_the_commit() -> Patch:
    """Write-ahead removed: acts first, the journal afterwards."""
    commit = Loop._commit  # noqa: SLF001 - a mutant reaches inside

    async def acts_first(self: Loop, entries: list[Entry], happened: list[tuple[Input, list[Fact]]]) -> None:
        held = self._wiring
        for _, facts in happened:
            for fact in facts:
                if isinstance(fact, OrderPlanned):
                    held.act(SendOrder(fact.client_id))
        without = replace(held, act=lambda act: None if isinstance(act, SendOrder) else held.act(act))
        self._wiring = without
        try:
            await commit(self, entries, happened)
        finally:
            self._wiring = held

    return patch.object(Loop, "_commit", acts_first)


def send_again_what_is_unknown() -> Patch:
    """A time-out is answered by sending once more."""
    send = Hands._send  # noqa: SLF001 - as above

    async def twice(self: Hands, client_id: str) -> None:
        order = self._state.orders[client_id]
        report = await self._reach.venues[order.venue].submit(self._request(order))
        if report.evidence is Evidence.AMBIGUOUS:
            await send(self, client_id)
        else:
            self._reach.offer(report)

    return patch.object(Hands, "_send", twice)


def send_again_after_a_crash() -> Patch:
    """A new session sends what it finds unknown."""

    def resend(state: State) -> Iterator[ShellAct]:
        yield from recovery_acts(state)
        for order in state.unknown_orders():
            yield SendOrder(order.client_id)

    async def send(self: Hands, client_id: str) -> None:
        order = self._state.orders[client_id]
        self._reach.offer(await self._reach.venues[order.venue].submit(self._request(order)))

    return both(patch.object(Hands, "_send", send), patch("quarterdeck.system.session.recovery_acts", resend))


def book_a_trade_twice() -> Patch:
    """Trade ids are not compared."""

    def book(state: State, report: FillReported, at_ns: int) -> Iterator[Fact]:
        order = state.orders.get(report.client_id)
        while order is not None and report.trade_id in order.trade_ids:
            report = replace(report, trade_id=f"{report.trade_id}'")
        yield from take_fill(state, report, at_ns)

    return patch.dict(_PLAIN, {FillReported: book})


def ignore_the_lease_at_the_last_hop() -> Patch:
    """Sign whoever owns the bot."""

    def gate(clock: Clock, **given: Callable[[], int]) -> SigningGate:
        return SigningGate(clock, kill_epoch=given["kill_epoch"], lease_end_steady_ns=lambda: FOREVER_NS)

    return patch("tests.simulation.bot.SigningGate", gate)


def ignore_the_kill_at_the_last_hop() -> Patch:
    """Sign whatever the kill file says."""

    def gate(clock: Clock, **given: Callable[[], int]) -> SigningGate:
        return SigningGate(clock, kill_epoch=lambda: 0, lease_end_steady_ns=given["lease_end_steady_ns"])

    return patch("tests.simulation.bot.SigningGate", gate)


def append_without_the_lease() -> Patch:
    """The journal does not look who owns it."""
    return patch.object(SqliteJournal, "_check_guard", lambda _self, _found: None)


def call_an_order_absent_too_soon() -> Patch:
    """Negative answers count however early they come."""
    return patch("quarterdeck.engine.unknown.shown_by_ns", lambda *_: 0)


def take_hasty_answers_for_proof() -> Patch:
    """Negative answers count however close they follow one another."""
    return patch("quarterdeck.engine.unknown.ABSENCE_SPACING_NS", 0)


def believe_absence_over_an_odd_balance() -> Patch:
    """What the account holds says nothing about an unknown order."""
    return patch("quarterdeck.engine.unknown._balances_agree", lambda *_: True)


def add_the_real_trade_to_the_inferred_one() -> Patch:
    """What was inferred stands beside the trade that it stood for."""

    def retire(books: Books, _fill: FillToBook, _change: Change) -> tuple[Position, tuple[InferredFill, ...], int]:
        return books.position, tuple(books.inferred), 0

    return patch("quarterdeck.portfolio.books._retire", retire)


def trust_the_stream_for_the_cursor() -> Patch:
    """A pushed trade moves the cursor, and nobody goes back: a lost one before it is never pulled. Found here."""
    news = Reporter.news

    def with_cursor(self: Reporter, event: Event, at_ns: int) -> VenueNews | None:
        return self.fill(event, at_ns) if isinstance(event, Trade) else news(self, event, at_ns)

    return both(
        patch.object(Reporter, "news", with_cursor),
        patch("quarterdeck.system.hands.pull_from", lambda state, venue: state.cursors.get(venue, 0)),
    )


def never_ask_after_orders() -> Patch:
    """Only the stream tells of fills and ends. Found by the simulation."""
    return patch.object(Errands, "_ask_after_orders", lambda _self: None)


def take_inferred_lots_for_settled() -> Patch:
    """Accounts are compared, and pulls end, while lots are only inferred. Found by the simulation."""
    return patch.object(State, "moving_orders", State.live_orders)


def believe_at_once_that_an_order_is_gone() -> Patch:
    """Nobody waits for trades of an order whose end was only concluded. Found by the simulation."""
    return patch.object(State, "was_just_concluded", lambda *_: False)


def let_live_orders_be_when_killed() -> Patch:
    """A kill cancels nothing."""
    return patch("quarterdeck.engine.control.request_cancel", lambda *_: iter(()))


def take_no_answer_for_a_rejection() -> Patch:
    """The unknown rule removed: an order whose answer is lost counts as rejected."""
    return patch.dict(TABLE[OrderState.PLANNED], {Evidence.AMBIGUOUS: Row(OrderState.REJECTED)})


def obey_a_request_twice() -> Patch:
    """The keys of requests are not compared."""

    def again(state: State, asked: IntentAsked, now: Moment) -> Iterator[Fact]:
        state.answers.pop(asked.key, None)
        yield from take_request(state, asked, now)

    return patch.dict(_WITH_MARKET, {IntentAsked: again})


def keep_a_snapshot_of_another_state() -> Patch:
    """What a start begins with is not what the rows fold into."""

    def other(state: State) -> State:
        changed = decode_state(encode_state(state))
        changed.executions += 1
        return changed

    return both(
        patch("quarterdeck.system.loop.encode_state", lambda state: encode_state(other(state))),
        patch("quarterdeck.system.loop.state_hash", lambda state: state_hash(other(state))),
    )


def round_fees() -> Patch:
    """Money is rounded to cents on its way into the books."""

    def rounded(self: Change, fee: Decimal, asset: str, base: str) -> None:
        pay_fee(self, fee.quantize(Decimal("0.01")), asset, base)

    pay_fee = Change.pay_fee
    return patch.object(Change, "pay_fee", rounded)


OF_THE_LIFE_CYCLE: dict[str, Callable[[], Patch]] = {
    made.__name__: made
    for made in (
        send_before_the_commit,
        send_again_what_is_unknown,
        send_again_after_a_crash,
        book_a_trade_twice,
        ignore_the_lease_at_the_last_hop,
        ignore_the_kill_at_the_last_hop,
        append_without_the_lease,
        call_an_order_absent_too_soon,
        take_hasty_answers_for_proof,
        believe_absence_over_an_odd_balance,
        add_the_real_trade_to_the_inferred_one,
        trust_the_stream_for_the_cursor,
        never_ask_after_orders,
        take_inferred_lots_for_settled,
        believe_at_once_that_an_order_is_gone,
        let_live_orders_be_when_killed,
        round_fees,
        take_no_answer_for_a_rejection,
        obey_a_request_twice,
        keep_a_snapshot_of_another_state,
    )
}
MUTANTS: dict[str, Callable[[], Patch]] = OF_THE_LIFE_CYCLE | OF_DISASTERS | LOOSE_DOORS | WITHOUT_RULES
