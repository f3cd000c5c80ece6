"""What a machine that dies in the middle of a write leaves behind: half a transaction at the end of the log."""

import struct
from pathlib import Path
from random import Random

from quarterdeck.journal import scan_wal
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24


def tear_tail(path: Path, rng: Random, coverage: Coverage) -> None:
    """
    Put a frame of a transaction that never ended behind the last one that is whole.

    I25: it is seen to be torn, and nothing that was acknowledged is doubted because of it.

    Raises:
        Breach: If the journal's own reading of its log says otherwise.
    """
    wal = path.with_name(path.name + "-wal")
    sound = scan_wal(wal)
    if not sound.frames or sound.torn or sound.damaged:
        return
    with wal.open("r+b") as file:
        page_bytes, _, salt_1, salt_2 = struct.unpack(">4I", file.read(HEADER_BYTES)[8:24])
        file.seek(HEADER_BYTES + sound.frames * (FRAME_HEADER_BYTES + page_bytes))
        header = struct.pack(">6I", 2, 0, salt_1, salt_2, rng.getrandbits(32), rng.getrandbits(32))
        file.write(header + rng.randbytes(rng.randrange(0, page_bytes + 1)))
    found = scan_wal(wal)
    require(
        bool(found.torn) and not found.damaged, "I25", f"half a transaction at the end of the log counts as {found}"
    )
    require(found.frames == sound.frames, "I25", f"{found.frames} of {sound.frames} frames count after a torn one")
    coverage.hit("torn journal tail")
