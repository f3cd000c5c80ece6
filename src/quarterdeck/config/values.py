"""Every setting of a bot as text, with its default and where it comes from: what `settings get` shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import yaml
from msgspec import Struct, structs

from quarterdeck.config.catalogue import find_key
from quarterdeck.config.habits import habits_of
from quarterdeck.config.keys import Key
from quarterdeck.config.settings import BotConfig, ExchangeSettings

Origin = Literal["file", "default", "run time"]

_NUMBER_DIGITS: Final = 15


class Setting(Struct, frozen=True):
    """
    One setting: its value and default as a file would spell them, and where the value comes from.

    `line` is where it stands in the file, None where it does not; `is_live` tells what may change while the bot runs.
    """

    path: str
    value: str
    default: str
    origin: Origin
    unit: str = ""
    line: int | None = None
    is_live: bool = False


def setting_values(config: BotConfig) -> list[Setting]:
    """List every setting of a bot, in the order of the reference."""
    return [_setting(config, path, value) for path, value in _flat("", _tree(config))]


def text_of(value: object) -> str:
    """
    Spell a value as a file would, in one line.

    Example:
        >>> text_of({"BTC-USD": 0.5}), text_of(("USDT", "no")), text_of(None)
        ('{BTC-USD: 0.5}', '[USDT, "no"]', 'null')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return f"{value:.{_NUMBER_DIGITS}g}"
        case Decimal():
            return f"{value.normalize():f}"
        case dict():
            return "{" + ", ".join(f"{text_of(key)}: {text_of(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(text_of(inner) for inner in value)}]"
        case _:
            return _word(str(value))


def _word(text: str) -> str:
    try:
        is_plain = yaml.safe_load(f"[{text}]") == [text]
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _setting(config: BotConfig, path: str, value: object) -> Setting:
    key = find_key(path)
    line = config.lines.get(path)
    changed = any(path == other or path.startswith(f"{other}.") for other in config.changes)
    return Setting(
        path=path,
        value=text_of(value),
        default=_default(key),
        origin="run time" if changed else "default" if line is None else "file",
        unit=key.unit if key else "",
        line=line,
        is_live=key.is_live if key else False,
    )


def _default(key: Key | None) -> str:
    if key is None or (key.default is None and key.default_says):
        return key.default_says if key else ""
    return text_of(key.default)


def _flat(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Walk down to what stands on its own: single values, lists of them, and maps that may hold something."""
    if isinstance(value, dict) and (value or find_key(path) is None):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(f"{path}[{place}]", inner)
    else:
        yield path, value


def _tree(config: BotConfig) -> dict[str, object]:
    pairs = config.pairs if config.approved is None else config.approved
    return {
        "name": config.name,
        "mode": config.mode,
        "base_currency": config.base_currency,
        "capital": config.capital,
        "pairs": pairs,
        "equivalent_quotes": config.equivalent_quotes,
        "watch": config.watch,
        "exchanges": [_exchange(exchange) for exchange in config.exchanges],
        "market": structs.asdict(config.market),
        "strategy": {
            "name": config.strategy.name,
            "timeframe": config.strategy.timeframe,
            "parameters": config.strategy.parameters,
        },
        "routing": _routing(config),
        "sizing": structs.asdict(config.sizing),
        "risk": structs.asdict(config.risk),
        "guardrails": structs.asdict(config.guardrails),
        "orders": {
            "timeout_min": config.order_timeout_min,
            **structs.asdict(config.orders),
            "naked_max_s": config.naked_max_s,
        },
        "shutdown": {"orders": "cancel" if config.cancel_on_shutdown else "keep"},
    }


def _routing(config: BotConfig) -> dict[str, object]:
    routing = config.routing
    match routing.policy:
        case "best_price":
            return {"policy": routing.policy}
        case "fixed":
            return {"policy": routing.policy, "venue": routing.venue}
        case "symbol_map":
            return {"policy": routing.policy, "default": routing.venue, "symbols": routing.symbols}


def _exchange(exchange: ExchangeSettings) -> dict[str, object]:
    derivation, conversion = exchange.derivation, exchange.personality.fee_conversion
    perpetuals = exchange.personality.perpetuals
    tree: dict[str, object] = {
        "name": exchange.name,
        "kind": exchange.kind,
        "key": exchange.key,
        "pairs": exchange.pairs,
        "fees": structs.asdict(exchange.fees) | ({"conversion": conversion} if conversion else {}),
        "balances": exchange.balances,
        "spread_bps": exchange.spread_bps,
        "depth_quote": exchange.depth_quote,
        "perpetuals": {"leverage_max": perpetuals.leverage_max, "maintenance": perpetuals.maintenance},
    }
    if exchange.funding:
        tree["funding"] = {instrument: str(path) for instrument, path in exchange.funding.items()}
    if exchange.holdings:
        tree["holdings"] = {one.instrument: {"qty": one.qty, "cost": one.cost} for one in exchange.holdings}
    if derivation is not None:
        tree |= structs.asdict(derivation)
    if isinstance(exchange.socket, Path):
        tree["socket"] = str(exchange.socket)
    tree |= _habits(exchange)
    tree["grid"] = {instrument: structs.asdict(grid) for instrument, grid in exchange.grids.items()}
    return tree


def _habits(exchange: ExchangeSettings) -> dict[str, object]:
    values = structs.asdict(habits_of(exchange.personality, proves_absence=exchange.proves_absence))
    del values["sources"]
    limits = {key: values.pop(key) for key in ("requests", "orders", "per_s")}
    return {"habits": exchange.habits} | values | {"limits": limits, "protective_orders": exchange.protective_orders}
