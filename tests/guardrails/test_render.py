"""The page of guardrails says all that a trader needs to know of each rule."""

from quarterdeck.guardrails import RULES, render_rules


def test_the_page_gives_each_rule_with_defaults_unit_exits_and_reasons() -> None:
    page = render_rules()
    for rule in RULES:
        line = next(line for line in page.splitlines() if line.startswith(f"| {rule.id} | {rule.bit} | {rule.name} |"))
        assert all(f"`guardrails.{key}`" in line for key in rule.keys)
        assert all(f"`{path}`" in line for path in rule.elsewhere)
        assert f"| {rule.unit} |" in line
        assert line.endswith(f"| {rule.exits.value} |")
        section = page.split(f"\n### {rule.id} {rule.name}\n")[1].split("\n##")[0]
        assert rule.checks in section
        assert f"*{rule.reason}*" in section
        assert rule.otherwise in section


def test_the_page_names_the_defaults() -> None:
    page = render_rules()
    for text in (
        "`guardrails.order_value_max_quote` (500.0)",
        "`guardrails.stablecoins` (USDT, USDC, DAI, BUSD)",
        "`guardrails.executions_max` (off)",
        "`guardrails.fleet_grant` (off)",
        "`guardrails.qty_max` (none set)",
        "`risk.drawdown_max` (off)",
        "| `pairs` |",
    ):
        assert text in page
