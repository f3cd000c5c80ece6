from contextlib import suppress
from pathlib import Path

import pytest

from quarterdeck.domain import IntegrityError
from quarterdeck.system import BROKEN_EPOCH, KillFile, raise_kill
from tests.system.acting import small_disk


def test_a_new_file_is_not_raised(tmp_path: Path) -> None:
    kill = KillFile(tmp_path / "run" / "kill")
    assert kill.epoch() == 0
    kill.close()


def test_a_raise_is_seen_at_once_by_every_process_that_has_it_open(tmp_path: Path) -> None:
    one, two = KillFile(tmp_path / "kill"), KillFile(tmp_path / "kill")
    first = raise_kill(tmp_path / "kill")
    assert one.epoch() == two.epoch() == first > 0
    second = raise_kill(tmp_path / "kill")
    assert one.epoch() == second > first
    one.close()
    two.close()


def test_a_raise_needs_no_file_beforehand(tmp_path: Path) -> None:
    epoch = raise_kill(tmp_path / "new" / "kill")
    kill = KillFile(tmp_path / "new" / "kill")
    assert kill.epoch() == epoch
    kill.close()


@pytest.mark.parametrize("content", [b"", b"x", b"QDKILL01", b"\x00" * 24, b"\xff" * 24, b"QDKILL01" * 40])
def test_a_file_that_breaks_while_it_is_open_counts_as_raised_beyond_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kill"
    kill = KillFile(path)
    path.write_bytes(content)
    assert kill.epoch() == BROKEN_EPOCH
    kill.close()


@pytest.mark.parametrize("at", range(24))
def test_one_flipped_bit_counts_as_raised(tmp_path: Path, at: int) -> None:
    path = tmp_path / "kill"
    accepted = raise_kill(path)
    kill = KillFile(path)
    body = bytearray(path.read_bytes())
    body[at] ^= 0x10
    path.write_bytes(body)
    assert kill.epoch() > accepted
    kill.close()


@pytest.mark.parametrize("content", [b"x", b"\xff" * 24, b"QDKILL01" * 40])
def test_a_kill_mends_a_broken_file_above_all_that_was_accepted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kill"
    accepted = raise_kill(path)
    kill = KillFile(path)
    path.write_bytes(content)
    mended = raise_kill(path)
    assert accepted < mended < BROKEN_EPOCH
    assert kill.epoch() == mended
    kill.close()


def test_a_file_that_was_taken_away_counts_as_raised_and_a_new_one_lies_above_it(tmp_path: Path) -> None:
    path = tmp_path / "kill"
    accepted = raise_kill(path)
    kill = KillFile(path)
    path.unlink()
    assert kill.epoch() == BROKEN_EPOCH
    assert raise_kill(path) > accepted
    kill.close()


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IntegrityError, match="without it nothing trades"):
        KillFile(tmp_path / "file" / "kill")
    with pytest.raises(IntegrityError, match="stop the bots by hand"):
        raise_kill(tmp_path / "file" / "kill")


def test_the_switch_is_raised_on_a_full_disk(tmp_path: Path) -> None:
    """R28: the file has its full length from the beginning, so that raising it needs no room."""
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, 64):
        kill = KillFile(folder / "kill")
        with (folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(512))
        with pytest.raises(OSError, match="No space"):
            (folder / "more").write_bytes(b"x")
        epoch = raise_kill(folder / "kill")
        assert kill.epoch() == epoch > 0
        kill.close()
