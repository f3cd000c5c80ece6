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
            "while the bot is halted its stops rest: positions are naked",
            "flatten or watch them after a halt, or set guardrails.protect_when_halted: true",
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
