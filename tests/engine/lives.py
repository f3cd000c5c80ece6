"""One random life of a bot from one seed: every kind of input in any order, with its own mix of faults."""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from quarterdeck.domain import (
    AccountReported,
    Action,
    BotSettings,
    CancelAsked,
    ClockStepped,
    Control,
    ControlAsked,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    FillReported,
    FundingReported,
    FundsAsked,
    GuardrailSettings,
    Input,
    IntentAsked,
    IntentFormed,
    IntentRefused,
    Listing,
    ListingsReported,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderReported,
    OrderSeen,
    OrderState,
    Released,
    ResolveAsked,
    SettingsAsked,
    Side,
    Skew,
    Started,
    Stopping,
    TriggerFired,
    VenueSwept,
)
from quarterdeck.engine import (
    SendOrder,
    State,
    acts_of,
    apply,
    decide,
    decode_state,
    due,
    encode_state,
    recovery_acts,
    state_hash,
    step,
    watch,
)
from quarterdeck.orders import ENDED, Order, client_prefix, is_settled
from tests.engine.driving import BTC, ETH
from tests.engine.scenes import change
from tests.engine.worlds import LIMITS, SPOILS, WildBot, settings_for

ENCODER = msgspec.msgpack.Encoder()
FACTS = msgspec.msgpack.Decoder(list[Fact])
INPUT = msgspec.msgpack.Decoder(Input)
SAYABLE = [
    Evidence.ACKNOWLEDGED,
    Evidence.REJECTED,
    Evidence.CANCELLED,
    Evidence.EXPIRED,
    Evidence.FILLED,
    Evidence.AMBIGUOUS,
    Evidence.WITHDRAWN,
    Evidence.CANCEL_ACCEPTED,
    Evidence.CANCEL_REFUSED,
    Evidence.CANCEL_AMBIGUOUS,
]


NOT_FOR_EXITS = frozenset({"G4", "G5", "G6", "G7", "G8", "G9", "E4", "E5", "E7", "E8", "E9", "E11", "E12", "E13"})


class Life:
    """A bot, a market, venues that lie at random, and a reader of the journal that folds what was written."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.bot = WildBot(self.settings(), started=False)
        self.folded = State()
        self.exits: set[str] = set()
        self.strict = False
        self.known: list[Input] = []
        self.seen: Counter[str] = Counter()
        self.bot.start(reconciled=False)
        for venue in "ab":
            held = self.bot.explained(venue)
            self.bot.account(venue, **{asset: amount + 10_000 for asset, amount in held.items()})
        self.bot.wake()
        # Every seed has its own mix; some faults are left out, so that others come through.
        self.weights = {one: weight * self.rng.choice([0, 1, 1, 3]) for one, weight in FAULTS.items()} | self.daily()

    def settings(self) -> BotSettings:
        """The settings that this life begins with."""
        return settings_for(self.rng)

    def daily(self) -> dict[Callable[[Any], None], float]:
        """What happens in every life, however its faults were drawn, and how often."""
        return dict(DAILY)

    def live(self, steps: int) -> None:
        """Live for so many steps, each checked in every respect."""
        names, weights = list(self.weights), list(self.weights.values())
        for _ in range(steps):
            self.rng.choices(names, weights)[0](self)
            self.follow()
            self.check()

    def follow(self) -> None:
        """Fold what was written down, as a reader of the journal would, and decide it again from the same state."""
        for news, facts in self.bot.taken:
            read_news = INPUT.decode(ENCODER.encode(news))
            written = ENCODER.encode(facts)
            read_facts = FACTS.decode(written)
            assert ENCODER.encode(read_facts) == written
            again = decode_state(encode_state(self.folded))
            assert ENCODER.encode(step(again, read_news)) == written, "deciding the same input again gives other facts"
            for fact in read_facts:
                self.look_at(fact)
                apply(self.folded, fact)
                self.seen[_name_of(fact)] += 1
            self.known.append(news)
        self.bot.taken.clear()

    def look_at(self, fact: Fact) -> None:
        """Hold one fact against what must be true of every one of its kind, before it is folded."""
        settings = self.folded.settings
        if isinstance(fact, IntentRefused):
            self.seen.update(f"refused by {rule}" for rule in fact.failed)
        if isinstance(fact, IntentFormed) and fact.intent.effect is Effect.REDUCE:
            self.exits.add(fact.intent.id)
        elif isinstance(fact, IntentRefused) and fact.intent_id in self.exits and settings is not None:
            self.look_at_refused_exit(fact, settings.guardrails)
        elif isinstance(fact, OrderPlanned):
            numbers = (fact.reference_price, fact.rate, float(fact.reserve_per_lot), float(fact.lot))
            assert all(0 < number < math.inf for number in numbers), "NaN never passes"
            assert not any(math.isnan(number) for number in (*fact.verdicts.values, *fact.verdicts.limits))

    def look_at_refused_exit(self, fact: IntentRefused, limits: GuardrailSettings) -> None:
        """I14: no exit is refused by what only guards entries, and by a level only in a halt."""
        self.seen["exit refused"] += 1
        if limits.strict_exits:
            return
        assert not NOT_FOR_EXITS & set(fact.failed), fact
        assert "G2" not in fact.failed or self.folded.control is Control.HALTED

    def check(self) -> None:
        """Hold the live state against the folded one and against itself."""
        state = self.bot.state
        assert state_hash(self.folded) == state_hash(state)
        if self.rng.random() < 0.1:
            self.folded = decode_state(encode_state(self.folded))
        for venue, assets in state.reserved.items():
            for asset, amount in assets.items():
                needed = [o.reserve for o in state.orders.values() if (o.venue, o.reserve_asset) == (venue, asset)]
                assert amount == sum(needed, Decimal(0)) >= 0
        for order in state.orders.values():
            assert (order.client_id in state.live) == (not is_settled(order))
            assert order.reserve == 0 or not is_settled(order)
        body = encode_state(state)
        old = self.rng.choice(self.known)
        if not isinstance(old, Released | Started) and next(decide(state, old), None) is None:
            assert encode_state(state) == body, "deciding nothing changed the state"

    # --- what happens -------------------------------------------------------------------------------------------------

    def order(self) -> Order | None:
        """Pick an order, mostly a living one."""
        state = self.bot.state
        orders = state.live_orders() if state.live and self.rng.random() < 0.85 else list(state.orders.values())
        return self.rng.choice(orders) if orders else None

    def pass_time(self) -> None:
        self.bot.later(self.rng.choice([0.5, 1.0, 1.1, 3.0, 20.0, 61.0, 61.0, 400.0]))

    def sleep_long(self) -> None:
        self.bot.later(self.rng.choice([1_800.0, 90_000.0]))

    def go_back(self) -> None:
        self.bot.later(-self.rng.choice([1e-9, 5.0, 70.0]))

    def wake_when_due(self) -> None:
        self.bot.at_ns = max(self.bot.at_ns, min(due(self.bot.state), self.bot.at_ns + 10**11))
        self.bot.wake()

    def move_market(self) -> None:
        pair = self.rng.choice([BTC, ETH])
        price = self.bot.prices[pair] * self.rng.choice([0.9, 0.97, 0.99, 1.0, 1.01, 1.02, 1.08])
        self.bot.prices[pair] = min(max(price, 500.0), 90_000.0)

    def lose_quotes(self) -> None:
        self.bot.quoted = self.rng.choice(["a", "b", ""])

    def lose_venue(self) -> None:
        self.bot.down = self.rng.choice([("a",), ("b",), ("a", "b")])

    def spoil_books(self) -> None:
        self.bot.spoilt = (self.rng.choice("ab"), self.rng.choice(SPOILS))

    def drift_clocks(self) -> None:
        drift = self.rng.choice([math.nan, 499.0, -900.0])
        self.bot.skews = self.rng.choice([(), (Skew("a", drift), Skew("b", 0.0))])

    def move_peg(self) -> None:
        self.bot.peg = self.rng.choice([None, 0.8774, 0.985, 0.995, 1.0, 1.0, 1.03])
        self.bot.peg_age_s = self.rng.choice([0.0, 0.0, 0.0, 400.0])

    def find_quotes(self) -> None:
        self.bot.quoted, self.bot.down, self.bot.spoilt = "ab", (), ("", "")
        self.bot.skews, self.bot.peg_age_s = WildBot.skews, 0.0
        self.bot.peg = self.rng.choice([self.bot.peg, 1.0])

    def change_setting(self) -> None:
        name = self.rng.choice(list(LIMITS))
        change(self.bot, **{name: self.rng.choice(LIMITS[name])})
        present = self.bot.state.settings
        assert present is not None
        self.bot.settings = present

    def change_list(self) -> None:
        approved = self.rng.choice([None, None, (BTC,), (ETH,), ()])
        wanted = msgspec.structs.replace(self.bot.settings, approved=approved)
        self.bot.take(SettingsAsked(self.bot.at_ns, f"list-{self.rng.randrange(99)}", "tester", wanted, ()))

    def move_funds(self) -> None:
        venue = self.rng.choice(self.bot.settings.venues)
        amount = Decimal(self.rng.choice([1, 50, 400, -1, -50, -400, -(10**7)]))
        self.bot.take(
            FundsAsked(
                at_ns=self.bot.at_ns,
                key=f"funds-{self.rng.randrange(60)}",
                who="tester",
                venue=venue.name,
                asset=self.rng.choice([*venue.cash, "BTC"]),
                amount=amount + Decimal("0.123456789"),
                external=self.rng.random() < 0.3,
                surroundings=self.bot.market(),
            )
        )

    def pay_funding(self) -> None:
        venue = self.rng.choice(self.bot.settings.venues)
        amount = Decimal(self.rng.choice(["0.5", "-0.123456789", "NaN"]))
        funding_id = f"f{self.rng.randrange(20)}"
        asset = next(iter(venue.cash))
        traded = next(iter(self.bot.state.positions.get(venue.name, {})), "X")
        self.bot.take(FundingReported(self.bot.at_ns, venue.name, traded, funding_id, asset, amount, self.bot.at_ns))

    def discover(self) -> None:
        """List what there is: unchanged, with other minimums, on another grid, without one pair, or nothing at all."""
        venue = self.rng.choice("ab")
        known = [grid.listing for grid in self.bot.state.grids[venue].values()]
        found = [msgspec.structs.replace(one, tradable=True) for one in known if self.rng.random() > 0.05]
        if self.rng.random() < 0.5:
            odd = {"notional_min": Decimal(self.rng.choice([1, 5])), "lots_min": self.rng.choice([1, 10, 30])}
            if self.rng.random() < 0.2:
                odd["lot"] = self.rng.choice([Decimal("1e-8"), Decimal("1e-5")])
            found = [msgspec.structs.replace(one, **odd) for one in found]
        if self.rng.random() < 0.1:
            found = []
        self.bot.take(ListingsReported(self.bot.at_ns, venue, tuple(found)))

    def close_bar(self) -> None:
        self.bot.cycle({pair: self.rng.choice(list(Action)) for pair in (BTC, ETH)})

    def buy_after_a_while(self) -> None:
        self.bot.later(61)
        self.bot.buy(self.rng.choice([BTC, ETH]))

    def sell_after_a_while(self) -> None:
        self.bot.later(1)
        self.bot.sell(self.rng.choice([BTC, ETH]))

    def ask(self) -> None:
        limit = self.rng.choice([None, None, None, "29000.005", "1900", "1900", "NaN", "0.001"])
        self.bot.ask(
            f"key-{self.rng.randrange(400)}",
            side := self.rng.choice(list(Side)),
            instrument=self.rng.choice([BTC, BTC, ETH, ETH, ETH, "XRP-USD"]),
            effect=self.rng.choice([Effect.OPEN if side is Side.BUY else Effect.REDUCE] * 9 + list(Effect)),
            qty=self.rng.choice([None, None, None, Decimal("0.0004"), Decimal(1), Decimal(0), Decimal("NaN")]),
            notional=self.rng.choice([None, Decimal(30), Decimal("Infinity")] if side is Side.BUY else [None]),
            order_kind=OrderKind.MARKET if limit is None else OrderKind.LIMIT,
            limit=None if limit is None else Decimal(limit),
            venue=self.rng.choice([None, "a", "b", "nowhere"]),
        )

    def rest_and_cross(self) -> None:
        """Have buys rest a little below the market, as many as may be, and then ask to sell through them."""
        pair = self.rng.choice([BTC, ETH])
        price = Decimal(str(round(self.bot.prices[pair] * 0.99, 2)))
        for _ in range(self.rng.randrange(7)):
            key = f"rest-{self.rng.randrange(10**6)}"
            self.bot.later(61).ask(key, instrument=pair, notional=Decimal(30), order_kind=OrderKind.LIMIT, limit=price)
            for order in self.bot.state.live_orders():
                if order.intent_id == key:
                    self.bot.report(order, Evidence.ACKNOWLEDGED)
        key = f"cross-{self.rng.randrange(10**6)}"
        self.bot.ask(key, Side.SELL, instrument=pair, order_kind=OrderKind.LIMIT, limit=price * Decimal("0.99"))

    def answer_well(self) -> None:
        """Acknowledge an order and fill it, as venues mostly do."""
        order = self.order()
        if order is not None and order.unbooked_lots:
            self.bot.report(order, Evidence.ACKNOWLEDGED)
            self._fill(order, order.unbooked_lots, "QUOTE")

    def report(self) -> None:
        order = self.order()
        if order is not None:
            share = self.rng.choice([None, None, 0.0, 0.3, 1.0, 1.1])
            self.bot.report(
                order,
                self.rng.choice(SAYABLE),
                reported_lots=None if share is None else int(order.qty_lots * share),
                price=self.rng.choice([None, Decimal("30000.5"), Decimal(0), Decimal("NaN")]),
                venue_at_ns=self.bot.at_ns,
            )

    def lose_reply(self) -> None:
        order = self.order()
        if order is not None:
            self.bot.report(order, Evidence.AMBIGUOUS, venue_order_id="")

    def do_not_find(self) -> None:
        """Ask for an order again and again, early or late, and have the venue not know it."""
        order = self.order()
        if order is not None:
            if self.rng.random() < 0.7:
                self.bot.beyond_bound(order)
            for _ in range(self.rng.randrange(5)):
                self.bot.later(self.rng.choice([0.3, 1.0, 2.0]))
                self.bot.absent(order, venue_at_ns=self.rng.choice([None, None, None, 0]))

    def trade(self) -> None:
        order = self.order()
        if order is not None:
            lots = max(int(order.qty_lots * self.rng.choice([0.0, 0.1, 0.5, 0.5, 1.0, 1.2])), 1)
            self._fill(order, lots, self.rng.choice(["QUOTE", "QUOTE", "BASE"]))

    def pay_in_third_asset(self) -> None:
        order = self.order()
        if order is not None:
            self._fill(order, max(order.unbooked_lots, 1), "BNB")

    def _fill(self, order: Order, lots: int, asset: str) -> None:
        listing = self.bot.state.grids[order.venue][order.instrument].listing
        fee = Decimal("0.00000003") if asset == "BASE" else Decimal(self.rng.choice(["0", "0.123456789", "-0.01"]))
        price = self.bot.prices[order.pair] / (1.0 if listing.quote == "USD" else self.bot.peg or 1.0)
        self.bot.fill(
            order,
            lots,
            price=Decimal(str(round(price, 6))),
            fee=fee,
            fee_asset={"BASE": listing.base, "QUOTE": listing.quote}.get(asset, asset),
            cursor=self.rng.randrange(10_000),
        )

    def tell_again(self) -> None:
        again = (FillReported, OrderReported, IntentAsked, TriggerFired)
        told = [news for news in self.known[-60:] if isinstance(news, again)]
        if told:
            self.bot.take(self.rng.choice(told))

    def show_stranger(self) -> None:
        venue = self.rng.choice("ab")
        client_id = self.rng.choice([client_prefix("b") + "0" * 13, "not-ours"])
        self.bot.take(OrderReported(self.bot.at_ns, venue, client_id, self.rng.choice(SAYABLE)))
        self.bot.take(
            FillReported(self.bot.at_ns, venue, client_id, "x1", 5, Decimal(1), Decimal(0), "USD", "taker", 0, cursor=3)
        )

    def command(self) -> None:
        words = ["pause", "reduce", "halt", "kill", "flatten", "dance", ""]
        self.bot.control(self.rng.choice(words), kill_epoch=self.bot.state.kill_epoch + self.rng.randrange(2))

    def resume(self) -> None:
        if self.bot.state.control is not Control.RUNNING:
            plain = ControlAsked(
                at_ns=self.bot.at_ns,
                key=f"resume-{self.rng.randrange(10**6)}",
                command="resume",
                who="tester",
                kill_epoch=self.bot.state.kill_epoch + 1,
                rebase=self.rng.random() < 0.5,
                surroundings=self.bot.market(),
            )
            self.bot.take(plain)

    def cancel(self) -> None:
        order = self.order()
        name = order.client_id if order is not None else "nothing"
        self.bot.take(CancelAsked(self.bot.at_ns, f"cancel-{self.rng.randrange(100)}", "tester", name))

    def read_account(self) -> None:
        """Read an account twice: the second time says nothing new, and neither ever sends."""
        venue, state = self.rng.choice("ab"), self.bot.state
        totals = self.bot.explained(venue)
        if self.rng.random() < 0.15:
            totals["USD"] = totals.get("USD", Decimal(0)) + 5
        listed = tuple(
            OrderSeen(order.client_id, "v1", order.instrument, order.side, order.qty_lots, order.booked_lots)
            for order in state.orders.values()
            if order.venue == venue and (order.state not in ENDED or self.rng.random() < 0.05)
        )
        report = AccountReported(
            self.bot.at_ns, venue, totals, listed, venue_at_ns=self.rng.choice([0, self.bot.at_ns])
        )
        assert not any(isinstance(act, SendOrder) for act in acts_of(self.bot.take(report), state))
        settled = encode_state(state)
        self.bot.take(report)
        assert encode_state(state) == settled, "reading an account twice is not reading it once"

    def show_others(self) -> None:
        """List orders that somebody placed by hand, and now and then one of ours as something else."""
        venue = self.rng.choice("ab")
        shown = [OrderSeen(f"hand-{n}", f"h{n}", BTC, Side.SELL, 5, n) for n in range(self.rng.randrange(3))]
        order = self.order()
        if order is not None and self.rng.random() < 0.3:
            shown.append(OrderSeen(order.client_id, "other", order.instrument, order.side, order.qty_lots + 1, 0))
        self.bot.take(AccountReported(self.bot.at_ns, venue, self.bot.explained(venue), tuple(shown), self.bot.at_ns))

    def resolve(self) -> None:
        order = self.order()
        name = order.client_id if order is not None else "nothing"
        self.bot.take(ResolveAsked(self.bot.at_ns, f"resolve-{self.rng.randrange(100)}", "tester", name, "looked"))

    def sweep(self) -> None:
        """Search a venue, killed or not, with and without finding something."""
        venue = self.rng.choice("ab")
        living = [order.client_id for order in self.bot.state.live_orders() if order.venue == venue]
        left = tuple(living) if self.rng.random() < 0.3 else ()
        self.bot.take(VenueSwept(self.bot.at_ns, venue, self.rng.choice([0, self.bot.at_ns]), left))

    def jump_clock(self) -> None:
        self.bot.take(ClockStepped(self.bot.at_ns, self.rng.choice([1, 10**9, -(10**10)])))

    def cross_level(self) -> None:
        levels = watch(self.bot.state)
        if levels:
            level = self.rng.choice(levels)
            self.bot.take(
                TriggerFired(self.bot.at_ns, level.venue, level.instrument, level.cause, level.price, self.bot.market())
            )

    def _unsettled_by_place(self) -> dict[tuple[str, str], list[Order]]:
        found: dict[tuple[str, str], list[Order]] = {}
        for order in self.bot.state.live_orders():
            found.setdefault((order.venue, order.instrument), []).append(order)
        return found

    def _listed_at_start(self) -> Iterator[Listing]:
        """What is listed now, but on the old grid where an order of it is not settled, as a start asks for."""
        unsettled = self._unsettled_by_place()
        for venue, known in self.bot.state.grids.items():
            for instrument, grid in known.items():
                of_it = unsettled.get((venue, instrument), [])
                kept = {"lot": of_it[0].lot, "tick": of_it[0].tick} if of_it else {}
                yield msgspec.structs.replace(grid.listing, **kept)

    def start_anew(self) -> None:
        if self.rng.random() < 0.5:
            self.bot.take(Stopping(self.bot.at_ns, "SIGTERM"))
            self.answer_well()
            self.close_bar()
            self.bot.take(Released(self.bot.at_ns))
        if any(len({o.lot for o in orders}) > 1 for orders in self._unsettled_by_place().values()):
            return  # two grids at once cannot be listed, so that a start would ask for what nobody can give
        raised = self.rng.random() < 0.1
        listed = tuple(self._listed_at_start())
        self.bot.settings = msgspec.structs.replace(self.bot.settings, listings=listed)
        facts = self.bot.start(kill_epoch=self.bot.state.kill_epoch + raised)
        acts = [*acts_of(facts, self.bot.state), *recovery_acts(self.bot.state)]
        assert not any(isinstance(act, SendOrder) for act in acts)
        assert not raised or self.bot.state.control is Control.HALTED
        assert all(order.state is not OrderState.PLANNED for order in self.bot.state.orders.values())


def _name_of(fact: Fact) -> str:
    name = type(fact).__name__
    if isinstance(fact, OrderMoved):
        return f"{name} {fact.state.value}"
    if isinstance(fact, FillBooked):
        return f"{name} {'inferred' if fact.inferred else 'retiring' if fact.retired_lots else fact.state.value}"
    return name


DAILY: dict[Callable[[Life], None], float] = {
    Life.pass_time: 6,
    Life.move_market: 3,
    Life.wake_when_due: 2,
    Life.close_bar: 3,
    Life.buy_after_a_while: 6,
    Life.sell_after_a_while: 3,
    Life.answer_well: 4,
    Life.find_quotes: 2,
    Life.resume: 3,
    Life.change_setting: 1,
}
FAULTS: dict[Callable[[Life], None], float] = {
    Life.report: 4,
    Life.trade: 4,
    Life.lose_reply: 1.5,
    Life.do_not_find: 1.5,
    Life.ask: 3,
    Life.cancel: 1,
    Life.tell_again: 2,
    Life.cross_level: 2,
    Life.read_account: 1,
    Life.lose_quotes: 0.7,
    Life.command: 0.4,
    Life.start_anew: 0.4,
    Life.jump_clock: 0.2,
    Life.show_stranger: 0.2,
    Life.sleep_long: 0.2,
    Life.go_back: 0.3,
    Life.pay_in_third_asset: 0.02,
    Life.lose_venue: 0.5,
    Life.spoil_books: 1,
    Life.drift_clocks: 0.3,
    Life.move_peg: 1,
    Life.change_list: 0.2,
    Life.move_funds: 1,
    Life.pay_funding: 0.4,
    Life.discover: 0.5,
    Life.rest_and_cross: 0.5,
    Life.show_others: 0.4,
    Life.resolve: 0.3,
    Life.sweep: 0.6,
}
