"""The head of a WAV file as Asterisk writes it (RIFF, PCM of 16 bits). Pure.

Asterisk writes the lengths in it last, when it closes the file: so a file whose lengths fit is finished, and one whose
do not is being written, or was left behind by an Asterisk that died. Its sound is whole; only its head is mended.
"""

from __future__ import annotations

import struct

HEAD = 44
_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")


def is_finished(head: bytes, size: int) -> bool:
    """Whether a file of so many bytes, which begins so, was closed by Asterisk."""
    if len(head) < HEAD:
        return False
    riff, length, *_, data, data_length = _HEAD.unpack(head[:HEAD])
    return (riff, data, length, data_length) == (b"RIFF", b"data", size - 8, size - HEAD)


def mended(head: bytes, size: int) -> bytes:
    """The head with the lengths that the file really has. Unchanged where it is none of Asterisk's."""
    if len(head) < HEAD or not (head.startswith(b"RIFF") and head[36:40] == b"data"):
        return head
    return head[:4] + struct.pack("<I", size - 8) + head[8:40] + struct.pack("<I", size - HEAD) + head[HEAD:]


def length_ms(head: bytes, size: int) -> int:
    """How long it lasts, in milliseconds; 0 where that cannot be said."""
    if len(head) < HEAD:
        return 0
    bytes_per_s = int.from_bytes(head[28:32], "little")
    return (size - HEAD) * 1000 // bytes_per_s if bytes_per_s and size > HEAD else 0
