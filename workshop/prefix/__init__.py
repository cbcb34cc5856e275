"""Asterisk 22 and sipp in a folder of their own, on a machine whose Debian does not have them.

Debian 12 and 13 carry no Asterisk; Debian's testing suite does. Its packages are fetched with an apt
configuration of our own and unpacked, never installed, so nothing of the host changes and no root is needed.
The programs run through the folder's own dynamic linker, with the folder's own C library.

This package uses the standard library only: it runs before any virtual environment exists. It never
writes outside its folder and its own temporary neighbours.

    python3 -m workshop.prefix            install, or check what is there (0.03 s)
    PBX_ASTERISK_PREFIX=FOLDER            where, instead of .cache/asterisk in the tree
    ASTERISK_MIRROR=ADDRESS               which Debian mirror, instead of the one this machine's apt uses
"""

from workshop.prefix.install import ensure
from workshop.prefix.place import Prefix, PrefixError, default_root

__all__ = ["Prefix", "PrefixError", "default_root", "ensure"]
