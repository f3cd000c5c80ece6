"""
Journals for the auditor: a scripted bot, its rows as `journal export` writes them, and ways to falsify them.

This file knows quarterdeck; the auditor does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AccountReported,
    Action,
    BotSettings,
    ControlAsked,
    CycleDue,
    Effect,
    Evidence,
    Fact,
    FillReported,
    Grant,
    GuardrailSettings,
    Input,
    IntentAsked,
    Listing,
    MarginReading,
    OrderKind,
    OrderPlanned,
    OrderReported,
    OrderState,
    Quote,
    RiskSettings,
    Side,
    SignalGiven,
    SizingSettings,
    Skew,
    Source,
    Started,
    Surroundings,
    VenueSettings,
    Woke,
)
from quarterdeck.engine import State, step
from quarterdeck.journal import GENESIS, decode_plain, encode_body, link
from quarterdeck.orders import Order
from quarterdeck.ports import Entry
from tests.audit.independent.auditor import Auditor
from tests.audit.independent.lines import hash_of
from tests.audit.independent.records import Line

BTC, ETH, SOL, PERP = "BTC-USD", "ETH-USD", "SOL-USD", "BTC-USD:USD"
PRICES = {BTC: 30_000.0, ETH: 2_000.0, SOL: 100.0}
START_NS = 1_700_006_400 * SECOND_NS  # 00:00 UTC
VENUES = ("alpha", "beta")
VALIDITY_NS, LAG_NS = 5 * SECOND_NS, SECOND_NS

Row = dict[str, Any]


def listing_of(venue: str, instrument: str, **changes: object) -> Listing:
    """A listing on a fine grid, with a taker fee of 0.6 %."""
    base, _, rest = instrument.partition("-")
    plain = Listing(
        venue=venue,
        instrument=instrument,
        base=base,
        quote=rest.partition(":")[0],
        tick=Decimal("0.01"),
        lot=Decimal("0.00000001"),
        lots_min=100,
        lots_max=10**15,
        notional_min=Decimal(1),
        fee_maker=Decimal("0.004"),
        fee_taker=Decimal("0.006"),
    )
    return msgspec.structs.replace(plain, **changes)


def settings_with(
    *,
    guardrails: GuardrailSettings | None = None,
    pairs: tuple[str, ...] = (BTC, ETH, SOL),
    cash: int = 50_000,
    **changes: object,
) -> BotSettings:
    """A bot on two venues with three pairs and a hundred thousand dollars."""
    plain = BotSettings(
        bot="b",
        base_currency="USD",
        capital=Decimal(len(VENUES) * cash),
        pairs=pairs,
        venues=tuple(VenueSettings(name, VALIDITY_NS, LAG_NS, {"USD": Decimal(cash)}) for name in VENUES),
        listings=tuple(listing_of(venue, pair) for venue in VENUES for pair in pairs),
        sizing=SizingSettings(value=Decimal(300), entries_max=50),
        guardrails=guardrails or GuardrailSettings(),
        price_age_ns_max=10 * SECOND_NS,
    )
    return msgspec.structs.replace(plain, **changes)


class Script:
    """A bot that is told what happens to it; every row is kept as an export would show it."""

    def __init__(self, settings: BotSettings | None = None, *, reconciled: bool = True) -> None:
        self.settings = settings or settings_with()
        self.state = State()
        self.at_ns = START_NS
        self.prices = dict(PRICES)
        self.depth = 50.0
        self.skews = dict.fromkeys(VENUES, 0.0)
        self.down: tuple[str, ...] = ()
        self.stale_ns: dict[str, int] = {}
        self.margins: tuple[MarginReading, ...] = ()
        self.grant: Grant | None = None
        self.taken: list[tuple[Input, list[Fact]]] = []
        self.trades = 0
        self.start()
        if reconciled:
            self.reconcile()
        self.wake()

    # --- inputs -------------------------------------------------------------------------------------------------------

    def take(self, news: Input) -> list[Fact]:
        """Let the engine decide an input and fold it."""
        facts = step(self.state, news)
        self.taken.append((news, facts))
        return facts

    def start(self, kill_epoch: int = 0) -> list[Fact]:
        epoch = self.state.epoch + 1
        return self.take(Started(self.at_ns, f"s{epoch}", epoch, "test", self.settings, kill_epoch))

    def reconcile(self) -> None:
        """Have both accounts read, holding just what the bot knows of."""
        for venue in VENUES:
            totals = dict(self.state.cash.get(venue, {}))
            for instrument, position in self.state.positions.get(venue, {}).items():
                base = instrument.split("-")[0]
                if ":" not in instrument:
                    totals[base] = totals.get(base, Decimal(0)) + position.qty
            held = self.state.positions.get(venue, {})
            perpetuals = {name: position.qty for name, position in held.items() if ":" in name}
            at_ns = self.at_ns
            self.take(AccountReported(at_ns, venue, totals, (), venue_at_ns=at_ns, positions=perpetuals))

    def later(self, seconds: float, *, marked: bool = True) -> Script:
        """Let time pass, with a mark at the end of it."""
        self.at_ns += round(seconds * SECOND_NS)
        if marked:
            self.wake()
        return self

    def wake(self) -> list[Fact]:
        return self.take(Woke(self.at_ns, self.market()))

    def market(self) -> Surroundings:
        """The books of all pairs on both venues as they stand."""
        quotes = tuple(
            self._quote(venue, pair, price)
            for venue in VENUES
            for pair, price in self.prices.items()
            if pair in self.settings.pairs or pair in self.settings.watched
        )
        skews = tuple(Skew(venue, ms) for venue, ms in self.skews.items())
        return Surroundings(quotes, self.down, skews, self.margins, self.grant)

    def _quote(self, venue: str, pair: str, price: float) -> Quote:
        at_ns = self.at_ns - self.stale_ns.get(venue, 0)
        bids = tuple((price * (1.0 - 1e-4 * level), self.depth) for level in range(1, 6))
        asks = tuple((price * (1.0 + 1e-4 * level), self.depth) for level in range(1, 6))
        return Quote(venue, pair, at_ns, price, bids, asks)

    def signal(self, actions: Mapping[str, Action]) -> list[Fact]:
        """Close a bar with these opinions."""
        given = tuple(SignalGiven(pair, action) for pair, action in actions.items())
        bar_ns = max(self.at_ns, self.state.last_bar_ns + 1)
        return self.take(CycleDue(self.at_ns, bar_ns, given, self.market()))

    def ask(self, pair: str = BTC, side: Side = Side.BUY, **more: object) -> list[Fact]:
        """Ask by hand for a change of position."""
        plain = IntentAsked(
            at_ns=self.at_ns,
            key=f"key-{len(self.taken)}",
            source=Source.MANUAL,
            who="tester",
            instrument=pair,
            side=side,
            effect=Effect.OPEN if side is Side.BUY else Effect.REDUCE,
            surroundings=self.market(),
        )
        return self.take(msgspec.structs.replace(plain, **more))

    def limit(self, price: float, pair: str = BTC, side: Side = Side.BUY, **more: object) -> list[Fact]:
        """Ask by hand for a limit order."""
        sized = {"notional": Decimal(100)} if side is Side.BUY else {}
        kind = {"order_kind": OrderKind.LIMIT, "limit": Decimal(repr(price)), "venue": "alpha"}
        return self.ask(pair, side, **(sized | kind | more))

    def control(self, command: str, *, kill_epoch: int = 0, rebase: bool = False) -> list[Fact]:
        return self.take(
            ControlAsked(
                self.at_ns,
                f"{command}-{len(self.taken)}",
                command,
                "tester",
                kill_epoch=kill_epoch,
                rebase=rebase,
                surroundings=self.market(),
            )
        )

    # --- answers of venues --------------------------------------------------------------------------------------------

    def report(self, order: Order | OrderPlanned, evidence: Evidence, **more: object) -> list[Fact]:
        plain = OrderReported(self.at_ns, order.venue, order.client_id, evidence, "v1")
        return self.take(msgspec.structs.replace(plain, **more))

    def fill(self, order: Order | OrderPlanned, share: float = 1.0, fee_asset: str = "USD") -> list[Fact]:
        """Have a part of an order trade at the price it was judged at, the fee taken in money or in the coin."""
        self.trades += 1
        lots = int(order.qty_lots * share)
        price = Decimal(str(round(order.reference_price, 2)))
        worth = order.lot * lots * (price if fee_asset == "USD" else 1)
        fee = (worth * Decimal("0.006")).quantize(Decimal("1e-8"))
        return self.take(
            FillReported(
                at_ns=self.at_ns,
                venue=order.venue,
                client_id=order.client_id,
                trade_id=f"t{self.trades}",
                lots=lots,
                price=price,
                fee=fee,
                fee_asset=fee_asset,
                liquidity="taker",
                venue_at_ns=self.at_ns,
            )
        )

    def traded(self, facts: Iterable[Fact]) -> list[OrderPlanned]:
        """Have every order that was planned be taken and fill at once."""
        planned = planned_in(facts)
        for order in planned:
            self.report(order, Evidence.ACKNOWLEDGED)
            self.fill(order)
        return planned

    def working(self, facts: Iterable[Fact]) -> Order:
        """Have the one order that was planned be taken in and rest."""
        (planned,) = planned_in(facts)
        self.report(planned, Evidence.ACKNOWLEDGED)
        return self.state.orders[planned.client_id]

    # --- what an export would show ------------------------------------------------------------------------------------

    def lines(self) -> list[bytes]:
        """Every row with facts, chained and written as `journal export` writes it."""
        rows, prev, seq = [], GENESIS, 0
        for news, facts in self.taken:
            if not facts:
                continue
            seq += 1
            kind, body = type(news).__name__, encode_body(news, facts)
            at_ns = max(news.at_ns, facts[-1].at_ns)
            digest = link(prev, seq, Entry(at_ns, kind, body))
            payload, plain = decode_plain(body)
            row = {"seq": seq, "at_ns": at_ns, "kind": kind, "payload": payload, "facts": plain}
            rows.append(msgspec.json.encode(row | {"prev": prev.hex(), "hash": digest.hex()}))
            prev = digest
        return rows

    def audited(self) -> Auditor:
        return Auditor().take_all(self.lines())


def planned_in(facts: Iterable[Fact]) -> list[OrderPlanned]:
    return [fact for fact in facts if isinstance(fact, OrderPlanned)]


def is_living(order: Order) -> bool:
    return order.state in (OrderState.PLANNED, OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)


def falsified(lines: Iterable[bytes], change: Callable[[list[Row]], None]) -> list[bytes]:
    """Change rows, and give them a chain that holds again, as a forger would."""
    rows = [msgspec.json.decode(line) for line in lines]
    change(rows)
    prev, forged = bytes(32), []
    for seq, row in enumerate(rows, 1):
        row |= {"seq": seq, "prev": prev.hex()}
        row["hash"] = hash_of(prev, msgspec.convert(row | {"hash": ""}, Line))
        prev = bytes.fromhex(row["hash"])
        forged.append(msgspec.json.encode(row))
    return forged


def breaks(lines: Iterable[bytes]) -> set[str]:
    """Audit lines, and name the rules that planned orders break."""
    problems = Auditor().take_all(lines).problems
    return {problem.rule for problem in problems if problem.what == "the order breaks the rule"}


def facts_of(rows: Iterable[Row], kind: str) -> list[Row]:
    """The facts of a kind in decoded rows, to be changed in place."""
    return [fact for row in rows for fact in row["facts"] if fact["kind"] == kind]


def limits_of(rows: Iterable[Row]) -> list[Row]:
    """The guardrail settings wherever rows state them."""
    adopted = [fact["settings"]["guardrails"] for fact in facts_of(rows, "SettingsAdopted")]
    return [*adopted, *[row["payload"]["settings"]["guardrails"] for row in rows if row["kind"] == "Started"]]


def no_limits(**changes: object) -> GuardrailSettings:
    """Guardrails so wide that nothing but the one under test stands in the way."""
    wide = GuardrailSettings(
        order_value_max_quote=1e9,
        order_value_max_share=1.0,
        concentration_max=1e9,
        cooldown_s=0.0,
        trades_max=1_000,
        unexecuted_max=1e9,
        open_orders_pair_max=1_000,
        open_orders_max=1_000,
        duplicate_window_s=0.0,
    )
    return msgspec.structs.replace(wide, **changes)


RISKLESS = RiskSettings()
ONE_MINUTE_S = MINUTE_NS / SECOND_NS
