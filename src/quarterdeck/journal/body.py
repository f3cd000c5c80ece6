"""What a row holds: the input with the surroundings it used, and the facts it gave, packed as msgpack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from quarterdeck.domain import Fact, Input, IntegrityError

_ENCODER: Final = msgspec.msgpack.Encoder()
_PLAIN: Final = msgspec.msgpack.Decoder(tuple[object, list[object]])
_TYPED: Final = msgspec.msgpack.Decoder(tuple[Input, list[Fact]])
_FACTS: Final = msgspec.msgpack.Decoder(tuple[msgspec.Raw, list[Fact]])

_UNREADABLE: Final = (
    "a journal row cannot be read as [input, facts]: {}; run `quarterdeck journal verify`, and open the journal with "
    "the version of quarterdeck that wrote it, or a newer one"
)


def encode_body(given: Input, facts: Sequence[Fact]) -> bytes:
    """Pack an input and its facts as the body of a row."""
    return _ENCODER.encode((given, facts))


def decode_body(body: bytes) -> tuple[Input, list[Fact]]:
    """
    Unpack the body of a row.

    Raises:
        IntegrityError: If it is no input with facts of kinds that this version knows.
    """
    try:
        return _TYPED.decode(body)
    except msgspec.MsgspecError as error:
        raise IntegrityError(_UNREADABLE.format(error)) from error


def decode_facts(body: bytes) -> list[Fact]:
    """
    Unpack only the facts of a row, which spares the larger part: the input.

    Raises:
        IntegrityError: As `decode_body`.
    """
    try:
        return _FACTS.decode(body)[1]
    except msgspec.MsgspecError as error:
        raise IntegrityError(_UNREADABLE.format(error)) from error


def decode_plain(body: bytes) -> tuple[object, list[object]]:
    """
    Unpack the body of a row into plain lists and mappings, whatever kinds it names.

    Raises:
        IntegrityError: If it is not a pair of an input and a list of facts.
    """
    try:
        return _PLAIN.decode(body)
    except msgspec.MsgspecError as error:
        raise IntegrityError(_UNREADABLE.format(error)) from error
