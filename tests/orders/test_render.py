"""The page of the table."""

from quarterdeck.domain import Evidence, OrderState
from quarterdeck.orders import TABLE, render_table


def test_the_page_has_a_line_for_every_cell_of_the_table() -> None:
    page = render_table()
    for state in OrderState:
        section = page.split(f"\n## {state.value}\n")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
        assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == [e.value for e in Evidence]
        for line, evidence in zip(lines, Evidence, strict=True):
            row = TABLE[state][evidence]
            assert f"| {row.next.value} |" in line
            assert f"| {row.act.value} |" in line
