"""What in a bot's settings is allowed and yet worth knowing before money depends on it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from quarterdeck.config import BotConfig
from quarterdeck.domain import Instrument, instrument_from


class Risk(Struct, frozen=True):
    """One thing to know: the setting it hangs on, what may happen, and what to do about it."""

    path: str
    problem: str
    advice: str


def risks_of(config: BotConfig) -> Iterator[Risk]:
    """List what is allowed and yet worth knowing."""
    yield from _naked(config)
    yield from _stops_in_the_bot(config)
    yield from _unproven(config)
    yield from _unpriced(config)
    if config.market.source == "synthetic":
        yield Risk(
            "market.source",
            "the market is made up unless recordings are replayed: what the bot earns there means nothing",
            "replay recorded candles before you trust a strategy",
        )


def _naked(config: BotConfig) -> Iterator[Risk]:
    risk = config.risk
    if risk.stop_loss is None and risk.trailing_stop is None:
        yield Risk("risk.stop_loss", "nothing limits the loss of one position", "set risk.stop_loss, like 0.05")
    elif not config.guardrails.protect_when_halted:
        yield Risk(
            "guardrails.protect_when_halted",
            "while the bot is halted its stops rest and those at venues are cancelled: positions are naked",
            "flatten or watch them after a halt, or set guardrails.protect_when_halted: true",
        )


def _stops_in_the_bot(config: BotConfig) -> Iterator[Risk]:
    """Name the stops that only the running bot holds: what they cover is naked whenever the process is not there."""
    risk = config.risk
    bare = [place for place, venue in enumerate(config.exchanges) if venue.protective_orders == "bot"]
    if risk.stop_loss is not None and bare:
        names = ", ".join(config.exchanges[place].name for place in bare)
        yield Risk(
            f"exchanges[{bare[0]}].protective_orders",
            f"the stop of what is bought on {names} lives in the bot: while it does not run, nothing sells",
            "write protective_orders: venue, or see to it that the bot is always up",
        )
    if risk.stop_loss is None and len(bare) < len(config.exchanges):
        yield Risk(
            "risk.stop_loss",
            "protective_orders: venue has nothing to place without a stop",
            "set risk.stop_loss, like 0.05",
        )


def _unproven(config: BotConfig) -> Iterator[Risk]:
    for place, venue in enumerate(config.exchanges):
        if not venue.proves_absence:
            yield Risk(
                f"exchanges[{place}].proves_absence",
                f"an order on {venue.name} whose reply gets lost may stay unknown until a person looks at the venue",
                f"know the runbook on unknown orders, and 'quarterdeck orders {config.name} resolve'",
            )
    if not config.order_timeout_min:
        yield Risk(
            "orders.timeout_min",
            "orders that do not fill are never cancelled, and hold their part of the balance",
            "set orders.timeout_min, like 10",
        )


def _unpriced(config: BotConfig) -> Iterator[Risk]:
    listed = [instrument_from(one.instrument) for venue in config.exchanges for one in venue.listings]
    traded = [one.quote for venue in config.exchanges for one in venue.traded]
    base = config.base_currency
    for coin in dict.fromkeys(quote for quote in traded if quote != base):
        if not _is_priced(coin, base, listed):
            yield Risk(
                "pairs",
                f"no market here shows what {coin} is worth: it counts 1.00 {base} even if it loses its peg",
                f"add watch: [{coin}-{base}], listed by an exchange",
            )


def _is_priced(coin: str, base: str, listed: list[Instrument]) -> bool:
    sides = {(one.base, one.quote) for one in listed}
    direct = (coin, base) in sides or (base, coin) in sides
    return direct or any((asset, coin) in sides and (asset, base) in sides for asset, _ in sides)
