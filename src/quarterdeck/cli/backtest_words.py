"""From the words of a `backtest` command line to settings and sources; everything that is wrong with them at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from msgspec import Struct, ValidationError, convert, structs

from quarterdeck.backtest import BacktestSettings
from quarterdeck.cli.times import instant_ns
from quarterdeck.config import GUARDRAIL_KEYS
from quarterdeck.domain import ConfigError, GuardrailSettings, OrderSettings, SizingSettings, instrument_from
from quarterdeck.system import Period, funding_rates, instrument_of

T = TypeVar("T")
_DATA: Final = re.compile(r"(?:(?P<venue>[a-z][a-z0-9_-]*):)?(?P<pair>[A-Z0-9]+-[A-Z0-9:]+)=(?P<path>.+)")
_MONEY: Final = ("cash", "fee_taker", "fee_maker", "slippage_bps", "lot", "notional_min")
_SIZE: Final = re.compile(r"(?:(?P<kind>quote|equity_share|base):)?(?P<value>[0-9.eE+-]+)(?P<percent>%)?")


class BacktestWords(Struct, frozen=True):
    """The words of a `backtest` command line; `amounts` are options with a number, None where they were not given."""

    strategy: str | None
    bot: str | None
    data: tuple[str, ...]
    period: tuple[str | None, str | None]
    chosen: tuple[str, ...]
    amounts: Mapping[str, str | None]
    funding: tuple[str, ...]
    guardrails: tuple[str, ...]
    is_short: bool
    is_guarded: bool
    engine: str


class Asked(Struct, frozen=True):
    """What the words ask for: settings, sources by pair (a folder stands alone), the period, parameters as written."""

    settings: BacktestSettings
    sources: Mapping[str, Path] | Path | None
    period: Period
    chosen: Mapping[str, str]


def asked_of(words: BacktestWords, base: BacktestSettings) -> Asked:
    """
    Read the words on top of settings that hold where they say nothing.

    Raises:
        ConfigError: With a line for everything that makes no sense.
    """
    reading = _Reading()
    begin = reading.take(lambda: instant_ns(words.period[0], "--from"))
    end = reading.take(lambda: instant_ns(words.period[1], "--to"))
    if begin is not None and end is not None and end <= begin:
        reading.problems.append("--to: must be later than --from")
    sources = reading.take(lambda: sources_of(words.data)) if words.data else None
    chosen = reading.all("--set", words.chosen, _assignment)
    funded = {pair: Path(path) for pair, path in reading.all("--funding", words.funding, _pair_path).items()}
    settings = _settings(words, base, reading)
    if reading.problems:
        raise ConfigError("\n".join(reading.problems))
    if funded:
        settings = structs.replace(settings, funding=funding_rates(funded))
    return Asked(settings, sources, Period(begin, end), chosen)


def sources_of(data: Sequence[str]) -> Mapping[str, Path] | Path:
    """
    Read every `[VENUE:][PAIR=]PATH`; a folder may stand alone.

    Raises:
        ConfigError: If one names no pair, two name the same, or a folder stands beside something else.
    """
    if len(data) == 1 and Path(data[0]).is_dir():
        return Path(data[0])
    found: dict[str, Path] = {}
    for text in data:
        match = _DATA.fullmatch(text)
        path = Path(match["path"] if match else text)
        pair = match["pair"] if match else instrument_of(path)
        if not path.exists():
            raise ConfigError(f"--data {text}: there is no {path}; give a file of candles, Parquet or CSV, or a folder")
        if pair is None or path.is_dir():
            raise ConfigError(
                f"--data {text}: cannot tell the pair; write PAIR=PATH, like BTC-USD=candles.csv, or one folder alone"
            )
        if pair in found:
            raise ConfigError(f"--data {text}: {pair} comes from {found[pair]} already; give one file for each pair")
        found[instrument_from(pair).id] = path
    return found


def sizing_of(text: str, base: SizingSettings) -> SizingSettings:
    """
    Read a size: `50` is money, `5%` a share of equity, `base:0.1` coins.

    Raises:
        ConfigError: If it is nothing of that.

    Example:
        >>> sizing_of("5%", SizingSettings()).kind, sizing_of("base:1", SizingSettings()).kind
        ('equity_share', 'base')
    """
    match = _SIZE.fullmatch(text)
    try:
        value = Decimal(match["value"]) if match else Decimal(0)
    except InvalidOperation:
        value = Decimal(0)
    if match is None or not value > 0 or (match["percent"] and match["kind"] not in (None, "equity_share")):
        raise ConfigError(
            f"--size {text!r}: write an amount like 50, a share of equity like 5%, or coins like base:0.1"
        )
    if match["percent"]:
        return structs.replace(base, kind="equity_share", value=value / 100)
    return structs.replace(base, kind=match["kind"] or "quote", value=value)


def number_of(option: str, text: str) -> float:
    """
    Read a number, or a percentage as a fraction.

    Raises:
        ConfigError: If it is neither.

    Example:
        >>> number_of("--fee", "0.1%"), number_of("--fee", "0.001")
        (0.001, 0.001)
    """
    try:
        value = float(Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1))
    except InvalidOperation:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{option} {text!r}: write a number, like 0.05 or 5%")
    return value


class _Reading:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def take(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ConfigError as error:
            self.problems.append(str(error))
            return None

    def all(self, option: str, texts: Sequence[str], read: Callable[[str, str], tuple[str, str]]) -> dict[str, str]:
        found = (self.take(lambda text=text: read(option, text)) for text in texts)  # type: ignore[misc]
        return dict(one for one in found if one is not None)


def _settings(words: BacktestWords, base: BacktestSettings, reading: _Reading) -> BacktestSettings:
    given = {name: text for name, text in words.amounts.items() if text is not None}
    size = given.pop("size", None)
    sizing = base.sizing if size is None else reading.take(lambda: sizing_of(size, base.sizing)) or base.sizing
    options = {name: f"--{name.replace('_', '-')}" for name in given}
    values = {name: reading.take(lambda name=name: number_of(options[name], given[name])) for name in given}  # type: ignore[misc]
    risk: dict[str, Any] = {
        name: values[name] for name in ("stop_loss", "take_profit", "trailing_stop") if name in values
    }
    if "leverage" in values:
        risk["leverage_max"] = values["leverage"]
    if words.is_short:
        risk["short"] = True
    orders = OrderSettings("limit", values["limit"] or 0.0) if "limit" in values else base.orders
    money: dict[str, Any] = {name: values[name] for name in _MONEY if name in values}
    if words.engine not in ("kernel", "event"):
        reading.problems.append(f"--engine {words.engine!r}: write kernel or event")
    guardrails = _guardrails(words, base.guardrails or GuardrailSettings(), reading)
    if reading.problems:
        return base
    return structs.replace(
        base,
        **money,
        engine=words.engine,
        sizing=sizing,
        orders=orders,
        risk=structs.replace(base.risk, **risk),
        guardrails=guardrails if words.is_guarded else None,
    )


def _guardrails(words: BacktestWords, base: GuardrailSettings, reading: _Reading) -> GuardrailSettings:
    changes = reading.all("--guardrail", words.guardrails, _assignment)
    if changes and not words.is_guarded:
        reading.problems.append("--guardrail and --no-guardrails: choose one")
    values = structs.asdict(base)
    for name, text in changes.items():
        if name not in values:
            near = "; did you mean ".join(["", *get_close_matches(name, values, 1)])
            reading.problems.append(f"--guardrail {name}: no such threshold{near}; the reference of guardrails has all")
            continue
        try:
            values[name] = _bounded(name, yaml.safe_load(text), reading)
        except yaml.YAMLError:
            reading.problems.append(f"--guardrail {name}={text}: not a value; write it as in a bot's file")
    try:
        return convert(values, GuardrailSettings, strict=False)
    except ValidationError as error:
        reading.problems.append(f"--guardrail: {error}; write values as in a bot's file")
        return base


def _bounded(name: str, value: object, reading: _Reading) -> object:
    """Hold a threshold to the bounds of a bot's file: beyond them a slip of the pen is likelier than a wish."""
    within = next(key for key in GUARDRAIL_KEYS if key.name == name).within
    if isinstance(value, int | float) and not isinstance(value, bool) and not within.allow(value):
        reading.problems.append(f"--guardrail {name}={value}: must be {within.describe()}")
    return value


def _assignment(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} {text!r}: write NAME=VALUE")
    return name, value


def _pair_path(option: str, text: str) -> tuple[str, str]:
    match = _DATA.fullmatch(text)
    if match is None:
        raise ConfigError(f"{option} {text!r}: write PAIR=PATH, like BTC-USDT:USDT=funding.parquet")
    return match["pair"], match["path"]
