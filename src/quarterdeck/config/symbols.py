"""
One instrument, many spellings: every form that venues and people use, read into the canonical one.

| form | example | reads as |
|---|---|---|
| canonical | `BTC-USDT`, `BTC-USDT:USDT` | itself |
| with another separator | `BTC/USDT`, `BTC_USDT`, `btc/usdt`, `BTC/USDT:USDT` | `BTC-USDT`, `BTC-USDT:USDT` |
| run together | `BTCUSDT` | `BTC-USDT`, where exactly one known quote fits |
| Kraken's own | `XXBTZUSD`, `XETHXXBT`, `XBT/USD` | `BTC-USD`, `ETH-BTC`, `BTC-USD` |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from quarterdeck.domain import InputError, Instrument

_ASSET: Final = re.compile(r"[A-Z0-9]{1,16}")
_SEPARATOR: Final = re.compile(r"[-/_]")
_ADVICE: Final = "write it like BTC-USD"
# Kraken puts an X before coins and a Z before currencies, and both together in the names of its oldest pairs.
_KRAKEN: Final = {
    "XETC": "ETC",
    "XETH": "ETH",
    "XLTC": "LTC",
    "XMLN": "MLN",
    "XREP": "REP",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XXLM": "XLM",
    "XXMR": "XMR",
    "XXRP": "XRP",
    "XZEC": "ZEC",
    "ZAUD": "AUD",
    "ZCAD": "CAD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
    "ZJPY": "JPY",
    "ZUSD": "USD",
}
_OTHER_NAMES: Final = {**_KRAKEN, "XBT": "BTC", "XDG": "DOGE"}


def instrument_from_any(text: str, known_quotes: Iterable[str]) -> Instrument:
    """
    Read an instrument in any of its spellings.

    Args:
        text: What somebody wrote, in capitals or not.
        known_quotes: The quotes that a name without separator may end in.

    Raises:
        InputError: If it is none of the forms, or could be read in more than one way; the advice stands behind "; ".

    Example:
        >>> instrument_from_any("BTCUSDT", ["USD", "USDT"]).id
        'BTC-USDT'
        >>> instrument_from_any("btc/usdt:usdt", []).id
        'BTC-USDT:USDT'
        >>> instrument_from_any("XXBTZUSD", []).id
        'BTC-USD'
    """
    pair, colon, settle = text.upper().partition(":")
    parts = _SEPARATOR.split(pair)
    base, quote = _run_together(text, pair, known_quotes) if len(parts) == 1 else _two(text, parts)
    if not all(_ASSET.fullmatch(asset) for asset in (base, quote, *([settle] if colon else []))):
        raise InputError(f"{text!r} is not an instrument; {_ADVICE}, or BTC-USDT:USDT for a perpetual")
    base, quote = asset_from_any(base), asset_from_any(quote)
    if base == quote:
        raise InputError(f"{text!r} is {base} priced in itself; {_ADVICE}")
    return Instrument(base, quote, asset_from_any(settle) or None)


def asset_from_any(text: str) -> str:
    """Give an asset its usual name: `XBT` and `XXBT` are `BTC`, `ZUSD` is `USD`; any other stays as it is."""
    return _OTHER_NAMES.get(text, text)


def _two(text: str, parts: list[str]) -> tuple[str, str]:
    if len(parts) != 2:  # noqa: PLR2004 - a base and a quote
        raise InputError(f"{text!r} has more parts than base and quote; {_ADVICE}")
    return parts[0], parts[1]


def _run_together(text: str, pair: str, known_quotes: Iterable[str]) -> tuple[str, str]:
    """Cut a name without separator in two, if there is one way to."""
    if pair[:4] in _KRAKEN and pair[4:] in _KRAKEN:
        return pair[:4], pair[4:]
    ways = [
        (pair.removesuffix(quote), quote)
        for quote in dict.fromkeys(known_quotes)
        if pair.endswith(quote) and pair != quote
    ]
    if len(ways) > 1:
        raise InputError(f"{text!r} could be {' or '.join(f'{b}-{q}' for b, q in ways)}; write the one you mean")
    if not ways:
        raise InputError(f"{text!r} is not an instrument; {_ADVICE}")
    return ways[0]


def is_asset(text: str) -> bool:
    """Tell whether a word can be the name of an asset, like `BTC`."""
    return _ASSET.fullmatch(text) is not None
