"""The auditor shares nothing with what it audits."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

AUDITOR = Path(__file__).parent / "independent"
ALLOWED = {"msgspec"} | set(sys.stdlib_module_names)
OWN = "tests.audit.independent"


def imported_by(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module))
    return names


def test_the_auditor_imports_nothing_but_itself_and_a_reader_of_json() -> None:
    sources = sorted(AUDITOR.glob("**/*.py"))
    assert len(sources) > 10
    for source in sources:
        foreign = {name for name in imported_by(source) if not name.startswith(OWN)}
        assert {name.partition(".")[0] for name in foreign} <= ALLOWED, source.name


def test_no_code_of_the_product_is_loaded_while_it_audits(repository: Path) -> None:
    program = (
        "import sys; from tests.audit.independent.__main__ import main; code = main(); "
        "sys.exit(code or any(name.partition('.')[0] == 'quarterdeck' for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, input=b"", capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert b"0 rows" in done.stdout
