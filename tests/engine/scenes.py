"""Scenes that several tests begin with: a bot half in BTC, two venues with two kinds of dollars, short questions."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from quarterdeck.domain import (
    AlertCleared,
    AlertRaised,
    BotSettings,
    CommandAnswered,
    ControlAsked,
    Evidence,
    Fact,
    FundsAsked,
    GuardrailSettings,
    IntentRefused,
    Quote,
    RiskSettings,
    SettingChange,
    SettingsAsked,
    Side,
    Skew,
    Surroundings,
    VenueSettings,
    Woke,
)
from quarterdeck.orders import Order
from tests.engine.driving import BTC, ETH, LAG_NS, VALIDITY_NS, Bot, listing_of, planned_in, quote_at, settings_with

WIDE = GuardrailSettings(
    order_value_max_quote=1e9,
    order_value_max_share=10.0,
    concentration_max=10.0,
    unexecuted_max=10.0,
    cooldown_s=0.0,
    trades_max=1_000_000,
)
"""Limits of size and pace wide open, so that only what a test is about can refuse; loss limits stand as they are."""

PRICE = 25_000.0
USDC, PEG = "BTC-USDC", "USDC-USD"


def venue_with(name: str, **cash: int | str) -> VenueSettings:
    """A venue and what the bot may call its own there."""
    return VenueSettings(name, VALIDITY_NS, LAG_NS, {asset: Decimal(amount) for asset, amount in cash.items()})


def wide(**changes: object) -> GuardrailSettings:
    """Wide limits but for those that are named."""
    return msgspec.structs.replace(WIDE, **changes)


def small_settings(risk: RiskSettings | None = None, **limits: object) -> BotSettings:
    """A bot of 1000 dollars, all on venue `a`."""
    return settings_with(
        capital=Decimal(1_000),
        venues=(venue_with("a", USD=1_000), venue_with("b", USD=0)),
        guardrails=wide(**limits),
        risk=risk or RiskSettings(),
    )


def begun(settings: BotSettings, at_ns: int | None = None, spare: int = 0) -> Bot:
    """A bot that starts at an instant, BTC at 25 000; each account holds spare dollars that are not the bot's."""
    bot = Bot(settings, started=False)
    bot.at_ns = bot.at_ns if at_ns is None else at_ns
    bot.prices[BTC] = PRICE
    bot.start(reconciled=False)
    for venue in bot.state.venues:
        held = bot.explained(venue)
        bot.account(venue, **{**held, "USD": held.get("USD", Decimal(0)) + spare})
    bot.wake()
    return bot


def take_in(bot: Bot, qty: str, venue: str = "a", instrument: str = BTC, fee_asset: str = "USD") -> Order:
    """Buy so much by hand, and have it fill at the pair's price without a fee."""
    key = f"in-{len(bot.taken)}"
    (planned,) = planned_in(bot.ask(key, qty=Decimal(qty), instrument=instrument, venue=venue))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(str(bot.prices[instrument])), fee=Decimal(0), fee_asset=fee_asset)
    return order


def half_in_btc(risk: RiskSettings | None = None, at_ns: int | None = None, **limits: object) -> Bot:
    """A bot of 1000 dollars that holds 0.02 BTC at 25 000, so that its index follows half of the price."""
    given: dict[str, Any] = {**limits}
    bot = begun(small_settings(risk, **given), at_ns, spare=1_000_000)
    take_in(bot, "0.02")
    return bot


def mark(bot: Bot, index: float, seconds: float = 60) -> list[Fact]:
    """Let time pass, and take a mark at which the bot of `half_in_btc` stands at this index."""
    bot.prices[BTC] = (index * 1_000.0 - 500.0) / 0.02
    return bot.later(seconds).wake()


def mark_at(bot: Bot, index: float, at_ns: int) -> list[Fact]:
    """Take a mark at an instant."""
    bot.at_ns = at_ns
    return mark(bot, index, 0)


def failed_in(facts: Iterable[Fact]) -> tuple[str, ...]:
    """The rules that refused the one intent."""
    kept = list(facts)
    assert planned_in(kept) == []
    (refused,) = [fact for fact in kept if isinstance(fact, IntentRefused)]
    return refused.failed


def reason_in(facts: Iterable[Fact]) -> str:
    """Why the one intent was refused."""
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    return refused.reason


def answer_in(facts: Iterable[Fact]) -> str:
    """The one durable answer."""
    (answer,) = [fact.outcome for fact in facts if isinstance(fact, CommandAnswered)]
    return answer


def told_in(facts: Iterable[Fact], key: str) -> list[str]:
    """What was raised and cleared under a key, in order."""
    told = [fact for fact in facts if isinstance(fact, AlertRaised | AlertCleared) and fact.key == key]
    return [type(fact).__name__ for fact in told]


def opens(bot: Bot, instrument: str = ETH, notional: int = 20, **more: object) -> bool:
    """Whether an order to open passes the door now; if so it is planned, and the venue takes it in."""
    asked: dict[str, Any] = {"notional": Decimal(notional), "instrument": instrument, **more}
    return _taken_in(bot, bot.ask(f"open-{len(bot.taken)}", **asked))


def _taken_in(bot: Bot, facts: Iterable[Fact]) -> bool:
    planned = planned_in(facts)
    for one in planned:
        bot.report(bot.state.orders[one.client_id], Evidence.ACKNOWLEDGED)
    return bool(planned)


def refusals(bot: Bot, instrument: str = ETH, notional: int = 20, **more: object) -> tuple[str, ...]:
    """The rules that refuse an order to open now."""
    asked: dict[str, Any] = {"notional": Decimal(notional), "instrument": instrument, **more}
    return failed_in(bot.ask(f"open-{len(bot.taken)}", **asked))


def exits(bot: Bot, instrument: str = BTC, **more: object) -> bool:
    """Whether an exit passes the door now; if so it is planned, and the venue takes it in."""
    return _taken_in(bot, bot.ask(f"exit-{len(bot.taken)}", Side.SELL, instrument=instrument, **more))


def change(bot: Bot, who: str = "tester", **limits: object) -> list[Fact]:
    """Change guardrails while the bot runs."""
    present = bot.state.settings
    assert present is not None
    wanted = msgspec.structs.replace(present, guardrails=msgspec.structs.replace(present.guardrails, **limits))
    changes = tuple(
        SettingChange(f"guardrails.{name}", str(getattr(present.guardrails, name)), str(value))
        for name, value in limits.items()
    )
    return bot.take(SettingsAsked(bot.at_ns, f"set-{len(bot.taken)}", who, wanted, changes))


def fund(bot: Bot, amount: str, asset: str = "USD", venue: str = "a", **more: object) -> list[Fact]:
    """Declare that money at a venue became the bot's own, or is no more."""
    key = f"fund-{len(bot.taken)}"
    plain = FundsAsked(bot.at_ns, key, "tester", venue, asset, Decimal(amount), surroundings=bot.market())
    return bot.take(msgspec.structs.replace(plain, **more))


def resume(bot: Bot, *, rebase: bool = False) -> list[Fact]:
    """Resume, lifting loss limits as well where asked."""
    key, epoch = f"resume-{len(bot.taken)}", bot.state.kill_epoch
    asked = ControlAsked(bot.at_ns, key, "resume", "tester", kill_epoch=epoch, rebase=rebase)
    return bot.take(msgspec.structs.replace(asked, surroundings=bot.market()))


# --- two kinds of dollars ---------------------------------------------------------------------------------------------


def two_dollars(risk: RiskSettings | None = None, **limits: object) -> BotSettings:
    """Venue `a` trades BTC-USD, venue `b` BTC-USDC, which counts as the same pair; a million on each."""
    listings = (
        listing_of("a", BTC),
        listing_of("a", ETH),
        listing_of("b", USDC, quote="USDC", pair=BTC),
        listing_of("b", ETH),
    )
    return settings_with(
        listings=listings,
        watched=(PEG,),
        venues=(venue_with("a", USD=1_000_000), venue_with("b", USDC=1_000_000)),
        guardrails=wide(**limits),
        risk=risk or RiskSettings(),
    )


class TwoDollars(Bot):
    """A bot on two venues with two kinds of dollars; `peg` is what the market says of a USDC, None where it is mute."""

    peg: float | None = 1.0
    peg_age_s: float = 0.0

    def market(self, down: tuple[str, ...] = ()) -> Surroundings:
        """BTC-USD and ETH on `a`, BTC-USDC and ETH on `b`, and the market of USDC."""
        worth = self.peg or 1.0
        quotes = [quote_at(self.at_ns, "a", BTC, self.prices[BTC]), quote_at(self.at_ns, "a", ETH, self.prices[ETH])]
        quotes += [quote_at(self.at_ns, "b", USDC, self.prices[BTC] / worth)]
        quotes += [quote_at(self.at_ns, "b", ETH, self.prices[ETH])]
        kept = tuple(quote for quote in quotes if quote.venue in self.quoted)
        if self.peg is not None:
            at_ns = self.at_ns - round(self.peg_age_s * 1e9)
            kept += (Quote("a", PEG, at_ns, self.peg, ((self.peg - 1e-4, 1e6),), ((self.peg + 1e-4, 1e6),)),)
        return Surroundings(kept, down, tuple(Skew(venue, 0.0) for venue in "ab"))

    def passes(self, minutes: int = 1) -> list[Fact]:
        """Let minutes pass, each with its mark."""
        facts: list[Fact] = []
        for _ in range(minutes):
            facts += self.later(60).take(Woke(self.at_ns, self.market()))
        return facts
