"""A life in which everything goes wrong that can: tight limits, thin and crossed books, outages, kills, de-pegs."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import msgspec

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    Action,
    BotSettings,
    CancelAsked,
    CancelState,
    ClockStepped,
    Control,
    Evidence,
    FundsAsked,
    Grant,
    GuardrailSettings,
    ListingsReported,
    MarginReading,
    OrderState,
    Quote,
    RiskSettings,
    SettingsAsked,
    Side,
    SizingSettings,
    Source,
    Stopping,
    Surroundings,
    TriggerFired,
)
from quarterdeck.engine import due, watch
from quarterdeck.orders import Order
from tests.audit.scenes import (
    BTC,
    ETH,
    LAG_NS,
    PERP,
    SOL,
    VALIDITY_NS,
    VENUES,
    Script,
    is_living,
    listing_of,
    settings_with,
)

BTC_USDC, USDC = "BTC-USDC", "USDC-USD"
PAIRS = (BTC, ETH, SOL, PERP)
LIMITS = GuardrailSettings(
    order_value_max_quote=400.0,
    order_value_max_share=0.03,
    daily_loss_max=0.01,
    drawdown_max=0.015,
    loss_rate_max=0.005,
    concentration_max=0.06,
    trades_max=3,
    open_orders_max=4,
    open_orders_pair_max=2,
    unexecuted_max=0.05,
    qty_value_multiple=2.0,
    executions_max=10,
    fleet_grant=True,
)


def hostile_settings(rng: random.Random) -> BotSettings:
    """Four pairs on two venues: a coin with coarse lots, a perpetual, and one quoted in a stablecoin besides."""
    cash = Decimal(rng.choice([2_000, 10_000, 10_000, 50_000]))
    plain = settings_with(
        guardrails=msgspec.structs.replace(LIMITS, strict_exits=rng.random() < 0.1, fleet_grant=rng.random() < 0.5),
        pairs=PAIRS,
        watched=(USDC,),
        sizing=SizingSettings(value=Decimal(250), entries_max=6),
        risk=RiskSettings(
            stop_loss=0.03,
            take_profit=0.04,
            trailing_stop=0.02,
            drawdown_max=0.08,
            position_max=0.10,
            short=True,
            leverage_max=3.0,
        ),
    )
    # One lot of this coin is worth more than one order may be.
    coarse = {SOL: {"lot": Decimal(5), "lots_min": 1, "lots_max": 40}}
    listings = [msgspec.structs.replace(one, **coarse.get(one.instrument, {})) for one in plain.listings]
    venues = (
        msgspec.structs.replace(plain.venues[0], cash={"USD": cash}),
        msgspec.structs.replace(plain.venues[1], cash={"USD": cash, "USDC": cash}),
    )
    listings.append(listing_of("beta", BTC_USDC, pair=BTC))
    return msgspec.structs.replace(plain, listings=tuple(listings), venues=venues, capital=3 * cash)


class Hostile(Script):
    """A bot whose surroundings change at random, from one seed."""

    def __init__(self, seed: int, *, takes_stops: bool = False) -> None:
        self.rng = random.Random(seed)
        self.takes_stops = takes_stops
        self.peg = 1.0
        self.crossed = False
        self.silent: str = ""
        self.epoch_of_kill = 0
        plain = hostile_settings(self.rng)
        venues = tuple(msgspec.structs.replace(venue, stops=takes_stops) for venue in plain.venues)
        super().__init__(msgspec.structs.replace(plain, venues=venues))
        self.prices[PERP] = self.prices[BTC]
        self.heal()

    def market(self) -> Surroundings:
        """The books as scripted, and those that only this life knows: the stablecoin's own, and the coin's in it."""
        seen = super().market()
        extra = (
            self._quote("beta", BTC_USDC, self.prices[BTC] / self.peg),
            self._quote("beta", USDC, self.peg),
        )
        quotes = tuple(self._spoilt(quote) for quote in (*seen.quotes, *extra) if quote.venue != self.silent)
        return msgspec.structs.replace(seen, quotes=quotes)

    def _spoilt(self, quote: Quote) -> Quote:
        if self.crossed and quote.venue == "beta":
            return msgspec.structs.replace(quote, bids=quote.asks, asks=quote.bids)
        return quote

    # --- what may happen ----------------------------------------------------------------------------------------------

    def pass_minute(self) -> None:
        self.later(self.rng.choice([0.7, 1.0, 3.0, 5.0, 20.0, 60.0, 60.0, 61.0, 61.0, 120.0, 300.0]))

    def pass_hours(self) -> None:
        for _ in range(self.rng.choice([20, 60])):
            self.later(self.rng.choice([60, 600]))

    def pass_days(self) -> None:
        """Let days go by, with few marks, and back to where prices were."""
        for _ in range(self.rng.choice([3, 9, 30])):
            self.later(6 * 3_600)
            self.wander()

    def wander(self) -> None:
        """Prices move a little; what was asked for a stop or target fires."""
        for pair in self.prices:
            self.prices[pair] *= 1.0 + self.rng.gauss(0.0, 0.004)
        self.fire()

    def crash(self) -> None:
        for pair in self.prices:
            self.prices[pair] = max(self.prices[pair] * self.rng.choice([0.9, 0.95, 1.05, 1.1]), 20.0)
        self.fire()

    def fire(self) -> None:
        for trigger in watch(self.state):
            price = self.prices.get(trigger.instrument, self.prices[BTC] / self.peg)
            if (price <= trigger.price) if trigger.falling else (price >= trigger.price):
                self.take(
                    TriggerFired(self.at_ns, trigger.venue, trigger.instrument, trigger.cause, price, self.market())
                )

    def speak(self) -> None:
        self.signal({pair: self.rng.choice(list(Action)) for pair in PAIRS})

    def buy_by_hand(self) -> None:
        source = self.rng.choice([Source.MANUAL, Source.MCP])
        amount = Decimal(self.rng.choice([30, 100, 300, 2_000]))
        self.ask(self.rng.choice(PAIRS), notional=amount, source=source, venue=self.rng.choice([None, *VENUES]))

    def sell_by_hand(self) -> None:
        self.ask(self.rng.choice(PAIRS), Side.SELL, venue=self.rng.choice([None, *VENUES]))

    def rest(self) -> None:
        """Place limits, near, far, and across one another."""
        pair, side = self.rng.choice([BTC, ETH]), self.rng.choice(list(Side))
        price = round(self.prices[pair] * self.rng.choice([0.9, 0.975, 0.99, 1.0, 1.001, 1.01, 1.05]), 1)
        self.limit(price, pair, side, qty=Decimal("0.002") if side is Side.SELL else None)

    def rest_twice(self) -> None:
        for _ in range(2):
            self.limit(round(self.prices[ETH] * 0.98, 1), ETH)
            self.at_ns += self.rng.choice([1, 4, 5, 6]) * SECOND_NS

    def answer(self) -> None:
        """Answer for an order, mostly well."""
        order = self.some_order()
        if order is None:
            return
        self.report(order, Evidence.ACKNOWLEDGED)
        if order.booked_lots < order.qty_lots and self.rng.random() < 0.8:
            share = self.rng.choice([1.0, 1.0, 1.0, 0.3]) if not order.booked_lots else 0.2
            in_coin = order.side is Side.BUY and order.instrument != PERP and self.rng.random() < 0.3
            self.fill(order, share, order.instrument.split("-")[0] if in_coin else "USD")

    def report_ahead(self) -> None:
        """A status tells of lots before their trades do; where these tarry, the bot infers a fill."""
        order = self.some_order()
        if order is not None and order.venue_order_id:
            lots = int(order.qty_lots * self.rng.choice([0.3, 0.5, 1.0]))
            price = Decimal(str(round(order.reference_price * self.rng.choice([1.0, 0.999]), 2)))
            self.report(order, Evidence.ACKNOWLEDGED, reported_lots=lots, price=price)
            if self.rng.random() < 0.7:
                self.at_ns += 3 * SECOND_NS
                self.wake()

    def trade_late(self) -> None:
        """Trades that were inferred, or of orders that ended, come in after all."""
        owed = [order for order in self.state.orders.values() if order.inferred]
        if owed:
            order = self.rng.choice(owed)
            self.fill(order, self.rng.choice([0.1, 0.3]))

    def answer_badly(self) -> None:
        order = self.some_order()
        if order is not None:
            evidence = self.rng.choice(
                [Evidence.REJECTED, Evidence.REJECTED, Evidence.AMBIGUOUS, Evidence.CANCELLED, Evidence.EXPIRED]
            )
            if evidence is not Evidence.REJECTED or not order.booked_lots:
                self.report(order, evidence, reason="insufficient funds")

    def prove_absent(self) -> None:
        """Have an unknown order be proven never to have arrived."""
        for order in [one for one in self.state.orders.values() if one.state is OrderState.UNKNOWN]:
            self.at_ns = max(self.at_ns, order.send_by_ns + VALIDITY_NS + LAG_NS + 1)
            self.reconcile()
            for _ in range(3):
                self.at_ns += SECOND_NS
                self.report(order, Evidence.ABSENT, venue_order_id="", venue_at_ns=self.at_ns)

    def some_order(self) -> Order | None:
        alive = [order for order in self.state.orders.values() if is_living(order)]
        return self.rng.choice(alive) if alive else None

    def cancel(self) -> None:
        order = self.some_order()
        if order is not None:
            self.take(CancelAsked(self.at_ns, f"cancel-{len(self.taken)}", "tester", order.client_id))

    def spoil(self) -> None:
        """Something about the market goes wrong."""
        self.depth = self.rng.choice([50.0, 50.0, 0.001])
        self.down = self.rng.choice([(), (), ("alpha",), VENUES])
        self.stale_ns = {venue: self.rng.choice([0, 0, 11, 40, 400]) * SECOND_NS for venue in VENUES}
        self.skews = {venue: self.rng.choice([0.0, 20.0, 499.0, 501.0, float("nan")]) for venue in VENUES}
        self.crossed = self.rng.random() < 0.3
        self.silent = self.rng.choice(["", "", "beta"])
        self.peg = self.rng.choice([1.0, 0.995, 0.985, 0.9])
        self.margins = tuple(
            MarginReading(
                venue, PERP, self.rng.choice([1.0, 3.0, 3.5]), "isolated", 0.0, self.rng.choice([0.005, 0.65])
            )
            for venue in VENUES
        )
        self.grant = self.rng.choice([None, Grant(300.0, self.at_ns), Grant(1e6, self.at_ns)])

    def heal(self) -> None:
        """The market is well again."""
        self.depth, self.down, self.stale_ns, self.crossed, self.silent = 50.0, (), {}, False, ""
        self.skews = dict.fromkeys(VENUES, 0.0)
        self.peg = self.rng.choice([1.0, 1.0, 0.995, 0.97])
        self.margins = tuple(MarginReading(venue, PERP, 2.0, "isolated", 0.0, 0.005) for venue in VENUES)
        self.grant = Grant(1e6, self.at_ns)

    def renew_grant(self) -> None:
        self.grant = Grant(self.rng.choice([500.0, 1e6]), self.at_ns)

    def command(self) -> None:
        word = self.rng.choice(["pause", "reduce", "halt", "kill", "flatten", "flatten"])
        if word == "kill":
            self.epoch_of_kill += 1
        self.control(word, kill_epoch=self.epoch_of_kill)

    def resume(self) -> None:
        if self.state.control is not Control.RUNNING:
            self.control("resume", kill_epoch=self.epoch_of_kill, rebase=self.rng.random() < 0.6)

    def change_limits(self) -> None:
        """Tighten or loosen thresholds of the running bot."""
        changed = msgspec.structs.replace(
            self.settings.guardrails,
            trades_max=self.rng.choice([1, 3, 10]),
            cooldown_s=self.rng.choice([60.0, 0.0, 600.0]),
            order_value_max_quote=self.rng.choice([400.0, 150.0]),
            concentration_max=self.rng.choice([0.06, 0.2]),
            collar_max=self.rng.choice([0.03, 0.0005]),
            duplicate_window_s=self.rng.choice([5.0, 60.0]),
            protect_when_halted=self.rng.random() < 0.3,
        )
        approved = self.rng.choice([None, None, (BTC, PERP), (ETH,)])
        self.settings = msgspec.structs.replace(self.settings, guardrails=changed, approved=approved)
        self.take(SettingsAsked(self.at_ns, f"set-{len(self.taken)}", "tester", self.settings, ()))

    def move_funds(self) -> None:
        """Deposit and withdraw; what is deposited lay on the account before."""
        venue, amount = self.rng.choice(VENUES), Decimal(self.rng.choice([500, 500, -300]))
        if amount > 0:
            totals = {asset: sum(pair, Decimal(0)) for asset, pair in self._totals(venue).items()}
            totals["USD"] = totals.get("USD", Decimal(0)) + amount
            self.take(AccountReported(self.at_ns, venue, totals, (), venue_at_ns=self.at_ns))
        key = f"funds-{len(self.taken)}"
        self.take(FundsAsked(self.at_ns, key, "tester", venue, "USD", amount, surroundings=self.market()))

    def _totals(self, venue: str) -> dict[str, list[Decimal]]:
        totals: dict[str, list[Decimal]] = {}
        for asset, amount in self.state.cash.get(venue, {}).items():
            totals.setdefault(asset, []).append(amount)
        for asset, amount in self.state.baselines.get(venue, {}).items():
            totals.setdefault(asset, []).append(amount)
        for instrument, position in self.state.positions.get(venue, {}).items():
            if ":" not in instrument:
                totals.setdefault(instrument.split("-")[0], []).append(position.qty)
        return totals

    def delist(self) -> None:
        """A venue drops a pair, or takes it up again."""
        listed = [one for one in self.settings.listings if one.venue == "alpha"]
        gone = self.rng.choice([None, ETH])
        self.take(ListingsReported(self.at_ns, "alpha", tuple(one for one in listed if one.instrument != gone)))

    def jump_clock(self) -> None:
        self.take(ClockStepped(self.at_ns, self.rng.choice([3, -2]) * SECOND_NS))

    def start_anew(self) -> None:
        if self.rng.random() < 0.5:
            self.take(Stopping(self.at_ns, "SIGTERM"))
        self.at_ns += SECOND_NS
        self.start(kill_epoch=self.epoch_of_kill)
        if self.rng.random() < 0.7:
            self.reconcile()

    def look_at_accounts(self) -> None:
        self.reconcile()

    def wake_when_due(self) -> None:
        self.at_ns = max(self.at_ns, min(due(self.state), self.at_ns + 100 * SECOND_NS))
        self.wake()

    def look_after_stops(self) -> None:
        """The bot is woken, and the venues take its stop orders and confirm its cancels, mostly."""
        self.wake()
        for order in [one for one in self.state.live_orders() if is_living(one)]:
            if self.rng.random() < 0.8 and order.cancel is not CancelState.NONE:
                self.report(order, Evidence.CANCELLED)
            elif self.rng.random() < 0.8 and order.is_protective and order.state is OrderState.PLANNED:
                self.report(order, Evidence.ACKNOWLEDGED)
        self.at_ns += self.rng.choice([0, 1, 2]) * SECOND_NS
        self.wake()

    def live(self, steps: int) -> Hostile:
        """Live for so many steps."""
        happenings = HAPPENINGS | {Hostile.look_after_stops: 40} if self.takes_stops else HAPPENINGS
        for _ in range(steps):
            self.rng.choices(list(happenings), list(happenings.values()))[0](self)
        return self


HAPPENINGS: dict[Callable[[Hostile], None], float] = {
    Hostile.pass_minute: 12,
    Hostile.wander: 8,
    Hostile.speak: 8,
    Hostile.answer: 16,
    Hostile.buy_by_hand: 6,
    Hostile.sell_by_hand: 2,
    Hostile.rest: 4,
    Hostile.rest_twice: 1,
    Hostile.heal: 5,
    Hostile.renew_grant: 3,
    Hostile.resume: 4,
    Hostile.wake_when_due: 3,
    Hostile.look_at_accounts: 3,
    Hostile.answer_badly: 3,
    Hostile.prove_absent: 2,
    Hostile.cancel: 2,
    Hostile.spoil: 2,
    Hostile.crash: 0.5,
    Hostile.command: 0.7,
    Hostile.change_limits: 1,
    Hostile.move_funds: 0.5,
    Hostile.delist: 0.5,
    Hostile.jump_clock: 0.3,
    Hostile.start_anew: 0.4,
    Hostile.pass_hours: 0.4,
    Hostile.pass_days: 0.3,
    Hostile.report_ahead: 1,
    Hostile.trade_late: 1,
}
