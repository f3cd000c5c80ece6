"""Sizing, exits and guardrails: thresholds from the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import structs

from quarterdeck.config.aliases import older_names
from quarterdeck.config.catalogue import KEYS, RISK_KEYS, SIZING_KEYS
from quarterdeck.config.document import Scalar
from quarterdeck.config.guardrail_keys import DEFAULT_GUARDRAILS, GUARDRAIL_KEYS
from quarterdeck.config.keys import ABOVE_ZERO, SHARE, Key
from quarterdeck.config.pairs import Quotes, by_pair
from quarterdeck.config.reading import Reader, read_number, read_text
from quarterdeck.config.symbols import is_asset
from quarterdeck.domain import GuardrailSettings, OrderSettings, RiskSettings, SizingSettings


def read_sizing(reader: Reader) -> SizingSettings:
    """Read how large an opening intent asks to be."""
    values = _values(reader, (key for key in SIZING_KEYS if key.name != "value"))
    kind = values["kind"]
    if kind != "quote":
        reader.require("value", f"say how much with sizing: {{kind: {kind}, value: …}}")
    default = SizingSettings().value if kind == "quote" else Decimal(0)
    value = KEYS["sizing.value"]
    values["value"] = reader.money(structs.replace(value, bounds=SHARE) if kind == "equity_share" else value, default)
    reader.close(older_names("sizing"))
    return msgspec.convert(values, SizingSettings)


def read_risk(reader: Reader) -> RiskSettings:
    """Read the protective exits of a position, and the bot's own limits."""
    values = _values(reader, RISK_KEYS)
    reader.close(older_names("risk"))
    return msgspec.convert(values, RiskSettings)


def read_orders(reader: Reader) -> OrderSettings:
    """Read how entries are sent; `orders` has other keys, and its reader is closed by who reads them."""
    return msgspec.convert(_values(reader, (KEYS["orders.entry"], KEYS["orders.entry_offset"])), OrderSettings)


def read_guardrails(reader: Reader) -> GuardrailSettings:
    """Read the thresholds of the guardrails, but for `qty_max`: its pairs must be known first."""
    return structs.replace(DEFAULT_GUARDRAILS, **read_guardrail_values(reader))


def read_guardrail_values(reader: Reader) -> dict[str, object]:
    """Read those thresholds that are there, by name, but for `qty_max`."""
    plain = [key for key in GUARDRAIL_KEYS if key.form not in {"words", "map"}]
    reader.section.known.extend(key.name for key in GUARDRAIL_KEYS)
    values = _values(reader, (key for key in plain if reader.has(key.name)))
    if reader.has("stablecoins"):
        values["stablecoins"] = _read_stablecoins(reader, DEFAULT_GUARDRAILS.stablecoins)
    # The forms give what the settings hold, but for whole numbers that are to be floats.
    made = msgspec.convert(values, GuardrailSettings)
    return {name: getattr(made, name) for name in values}


def read_qty_max(reader: Reader, pairs: Sequence[str], quotes: Quotes) -> dict[str, float]:
    """Read the largest quantities by pair."""
    section = reader.sub("qty_max").section
    found = {
        pair: read_number(node, ABOVE_ZERO, reader.problems)
        for pair, node in by_pair(section, pairs, quotes, reader.problems).items()
    }
    return {pair: quantity for pair, quantity in found.items() if quantity is not None}


def _values(reader: Reader, keys: Iterable[Key]) -> dict[str, object]:
    return {key.name: reader.read(key) for key in keys}


def _read_stablecoins(reader: Reader, default: tuple[str, ...]) -> tuple[str, ...]:
    if reader.section.take("stablecoins") is None:
        return default
    coins = []
    for item in reader.nodes("stablecoins"):
        text = read_text(item, reader.problems)
        if text is not None and not is_asset(text):
            reader.problems.add(item, f"{text!r} is not an asset", "write assets in capitals, like USDC")
        elif text is not None and isinstance(item, Scalar) and text not in coins:
            coins.append(text)
    return tuple(coins)
