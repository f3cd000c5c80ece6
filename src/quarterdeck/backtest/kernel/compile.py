"""
The one place where the rules of the core are compiled: every function marked `pure`, and the kernel that calls them.

Machine code is kept on disk in a folder named by a hash over the sources that went into it, for numba itself does not
notice when a function that it inlined was edited. Where nothing can be written the kernel is compiled in every process.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import llvmlite
import numba
import numpy as np
from numba import config
from numba.extending import register_jitable

from quarterdeck.domain import ARRAY_FUNCTIONS, PURE_FUNCTIONS

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE: Final = Path(__file__).parents[2]
ROOMS: Final = ("domain", "guardrails", "fills", "market", "indicators", "strategies", "backtest", "backtest/kernel")
"""The rooms whose sources may go into compiled code."""
CACHE_VARIABLE: Final = "QUARTERDECK_CACHE_DIR"
_FOLDER_OF_NUMBA: Final = "CACHE_DIR"


def inlined(function: F) -> F:
    """Let compiled code take over a small function of the kernel, at every place that calls it."""
    return register_jitable(error_model="numpy", forceinline=True)(function)


def called(function: F) -> F:
    """Let compiled code call a larger function of the kernel, or one that few bars need."""
    return register_jitable(error_model="numpy")(function)


def entry(function: F) -> F:
    """Compile a function that Python calls, once for each set of types, and keep the result on disk if possible."""
    folder = cache_folder()
    if folder is None:
        return cast("F", numba.njit(error_model="numpy")(function))
    before = getattr(config, _FOLDER_OF_NUMBA)
    setattr(config, _FOLDER_OF_NUMBA, str(folder))  # it is looked at while the function is decorated, and only then
    try:
        return cast("F", numba.njit(error_model="numpy", cache=True)(function))
    finally:
        setattr(config, _FOLDER_OF_NUMBA, before)


def compile_rules() -> None:
    """Let compiled code call every pure function that is known, and have array functions compiled when called."""
    for function in PURE_FUNCTIONS.values():
        if function not in _KNOWN:
            _KNOWN.add(function)
            register_jitable(forceinline=True)(function)
    ARRAY_FUNCTIONS.compile_with(entry)


def sources_hash() -> str:
    """Hash what the machine code is made of: the sources of pure rooms and kernel, the compiler, the interpreter."""
    found = sha256()
    for room in ROOMS:
        for path in sorted((PACKAGE / room).glob("*.py")):
            found.update(f"{room}/{path.name}\n".encode())
            found.update(path.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, np.__version__, sys.version, platform.machine())
    found.update("\n".join(versions).encode())
    return found.hexdigest()[:24]


def cache_folder() -> Path | None:
    """Give the folder for the machine code of these very sources, made if need be; None where it cannot be written."""
    if not _FOLDERS:
        _FOLDERS.append(_writable(_cache_root() / sources_hash()))
    return _FOLDERS[0]


def is_kept(function: Callable[..., Any]) -> bool:
    """Tell whether machine code of an entry lies on disk already; else its first call takes half a minute."""
    folder = cache_folder()
    file = Path(function.__code__.co_filename).stem
    return folder is not None and any(folder.glob(f"*/{file}.{function.__name__}-*.nbi"))


def _cache_root() -> Path:
    told = os.environ.get(CACHE_VARIABLE) or os.environ.get("XDG_CACHE_HOME")
    home = Path(told) if told else Path.home() / ".cache"
    return home / "quarterdeck" / "compiled"


def _writable(folder: Path) -> Path | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return None
    return folder


_KNOWN: Final[set[Callable[..., object]]] = set()
_FOLDERS: Final[list[Path | None]] = []
