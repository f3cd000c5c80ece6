"""
Other spellings of the same settings: moved to where the settings stand before anything is read.

Two older families are accepted: the keys of the first bots' `config.yaml` (`trading.trade_amount_usd`, `dry_run`) and
the camelCase names of the first guardrails (`maxTradeUSD`). Each line below is one documented alias.
"""

from __future__ import annotations

from typing import Final

from quarterdeck.config.document import Node, Problems, Scalar, Section

# old path → path it stands for
MOVED: Final = {
    "parameters": "strategy.parameters",
    "timeframe": "strategy.timeframe",
    "trading.pairs": "pairs",
    "trading.trade_amount_usd": "sizing.value",
    "trading.max_position_pct": "risk.position_max",
    "risk.stop_loss_pct": "risk.stop_loss",
    "risk.take_profit_pct": "risk.take_profit",
    "risk.max_drawdown_pct": "risk.drawdown_max",
    "guardrails.maxTradeUSD": "guardrails.order_value_max_quote",
    "guardrails.maxTradePercent": "guardrails.order_value_max_share",
    "guardrails.dailyLossLimit": "guardrails.daily_loss_max",
    "guardrails.rollingDrawdownLimit": "guardrails.drawdown_max",
    "guardrails.rollingDrawdownWindowDays": "guardrails.drawdown_window_days",
    "guardrails.rateOfLossLimit": "guardrails.loss_rate_max",
    "guardrails.rateOfLossWindowMinutes": "guardrails.loss_rate_window_min",
    "guardrails.rateOfLossPauseMinutes": "guardrails.loss_rate_pause_min",
    "guardrails.maxConcentration": "guardrails.concentration_max",
    "guardrails.cooldownSeconds": "guardrails.cooldown_s",
    "guardrails.globalRateLimitTrades": "guardrails.trades_max",
    "guardrails.globalRateLimitWindowMinutes": "guardrails.trades_window_min",
}
PARAMETERS: Final = {"fast_period": "fast_bars", "slow_period": "slow_bars"}

_PAPER_WORDS: Final = frozenset({"dry-run", "dry_run"})
_LIVE_ADVICE: Final = "this version trades paper only; write mode: paper"


def move_aliases(root: Section, problems: Problems) -> None:
    """Rewrite a bot's document so that every setting stands under its own name."""
    _read_mode(root, problems)
    _read_dry_run(root, problems)
    _spread_words(root)
    for old, new in MOVED.items():
        _move(root, old, new, problems)
    _close_trading(root, problems)
    _refuse_kill_switch(root, problems)


def rename_parameters(section: Section, declared: frozenset[str], problems: Problems) -> None:
    """Give the older names of a strategy's parameters their own, where the strategy declares no such name."""
    for old, new in PARAMETERS.items():
        if old in section.entries and old not in declared and new in declared:
            _put(section, new, section.entries.pop(old), problems)


def canonical_path(path: str) -> str:
    """Give a setting's path in its own name, where it is one of the older spellings."""
    return MOVED.get(path, path)


def older_names(section: str) -> list[str]:
    """List the older spellings within a section, which an unknown key may have meant."""
    prefix = f"{section}." if section else ""
    below = [old.removeprefix(prefix) for old in MOVED if old.startswith(prefix)]
    return [name for name in below if "." not in name] + ([] if section else ["exchange", "trading", "dry_run"])


def _move(root: Section, old: str, new: str, problems: Problems) -> None:
    *above, key = old.split(".")
    source = _section_at(root, above)
    if source is None or key not in source.entries:
        return
    *target_above, target_key = new.split(".")
    node = source.entries[key]
    target = _section_made(root, target_above, node)
    if target is None:
        return  # the section is something else; its reader says so
    del source.entries[key]
    _put(target, target_key, node, problems)


def _put(target: Section, key: str, node: Node, problems: Problems) -> None:
    standing = target.entries.get(key)
    if standing is None:
        target.entries[key] = node
        return
    means = f"means the same as {standing.path or key} on line {standing.line}"
    problems.add(node, means, "keep one of them")


def _section_at(root: Section, keys: list[str]) -> Section | None:
    section = root
    for key in keys:
        below = section.entries.get(key)
        if not isinstance(below, Section):
            return None
        section = below
    return section


def _section_made(root: Section, keys: list[str], because: Node) -> Section | None:
    section = root
    for key in keys:
        below = section.entries.get(key)
        if below is None:
            below = Section(because.line, section.path_of(key), {})
            section.entries[key] = below
        if not isinstance(below, Section):
            return None
        section = below
    return section


def _read_mode(root: Section, problems: Problems) -> None:
    """`mode: long_only` of the first bots says what may be traded, not with which money."""
    node = root.entries.get("mode")
    if not isinstance(node, Scalar):
        return
    if node.text in _PAPER_WORDS:
        node.text = "paper"
    elif node.text == "long_only":
        del root.entries["mode"]
        risk = _section_made(root, ["risk"], node)
        if risk is not None:
            meaning = Scalar(node.line, node.path, "false", "", is_quoted=False)
            _put(risk, "short", meaning, problems)


def _read_dry_run(root: Section, problems: Problems) -> None:
    node = root.entries.pop("dry_run", None)
    if node is None:
        return
    if not isinstance(node, Scalar) or node.is_quoted or node.text not in {"true", "false"}:
        problems.add(node, "this is neither true nor false", "write dry_run: true, which means mode: paper")
    elif node.text == "false":
        problems.add(node, "trading with real money is not available in this version", _LIVE_ADVICE)
    else:
        _put(root, "mode", Scalar(node.line, node.path, "paper", "", is_quoted=True), problems)


def _spread_words(root: Section) -> None:
    """`strategy: NAME` becomes a section, and so does `exchange: NAME`."""
    strategy = root.entries.get("strategy")
    if isinstance(strategy, Scalar) and not strategy.is_null:
        name = Scalar(strategy.line, strategy.path, strategy.text, strategy.tag, strategy.is_quoted)
        root.entries["strategy"] = Section(strategy.line, strategy.path, {"name": name})


def _close_trading(root: Section, problems: Problems) -> None:
    """Note what is left of a section that holds nothing but aliases, once these have moved away."""
    section = root.entries.get("trading")
    if isinstance(section, Section):
        section.known.extend(older_names("trading"))
        section.close(problems)
        del root.entries["trading"]


def _refuse_kill_switch(root: Section, problems: Problems) -> None:
    guardrails = root.entries.get("guardrails")
    if not isinstance(guardrails, Section):
        return
    node = guardrails.entries.pop("killSwitch", None)
    if node is not None and not (isinstance(node, Scalar) and not node.is_quoted and node.text == "false"):
        problems.add(node, "the kill switch is no setting", "remove the line and use 'quarterdeck kill BOT'")
