"""The reference of the bot file has every key with its unit, default and bounds, and its example loads."""

from pathlib import Path

import pytest

from quarterdeck.config import load_bot, render_bot_file
from quarterdeck.config.aliases import MOVED
from quarterdeck.config.catalogue import ALL_KEYS, find_key
from quarterdeck.config.keys import Key


def test_the_page_is_what_the_code_says(repository: Path) -> None:
    page = repository / "docs" / "reference" / "bot-file.md"
    assert page.read_text(encoding="utf-8") == render_bot_file(), "run python tools/render_docs.py"


@pytest.mark.parametrize("key", ALL_KEYS, ids=lambda key: key.path)
def test_every_key_has_a_line_with_meaning_default_and_bounds(key: Key) -> None:
    line = next(line for line in render_bot_file().splitlines() if line.startswith(f"| `{key.path}` |"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == key.says
    assert cells[2] == key.unit
    assert all((cells[3], cells[4]))
    if key.bounds is not None:
        assert key.bounds.describe() in cells[4]
    assert key.unit or key.form != "money"


def test_every_older_spelling_means_a_key_that_is_there() -> None:
    page = render_bot_file()
    for old, new in MOVED.items():
        assert f"| `{old}` | `{new}` |" in page
        assert find_key(new) is not None or new == "strategy.parameters"


def test_the_example_of_the_reference_loads(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(render_bot_file().split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    config = load_bot(path)
    assert config.routing.symbols == {"ETH-USD": "kraken"}
    assert {one.pair_id for one in config.exchanges[1].traded} == {"BTC-USD", "ETH-USD"}
