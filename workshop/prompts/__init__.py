"""The sentences of prompts/ru.toml and prompts/en.toml, made into sounds that Asterisk plays.

Like the private Asterisk (workshop/prefix), the voices are Debian's: festival and its recorded Russian voice are
fetched and unpacked into a folder of the tree, never installed. This package uses the standard library only, so that
an image can be built with it where nothing else is.

    python3 -m workshop.prompts           make what is missing or has another text (0.1 s when nothing has)
    python3 -m workshop.prompts --again   make all of them anew
    PBX_PROMPTS=FOLDER                    where, instead of .cache/prompts in the tree
    PBX_VOICES=FOLDER                     where the voices are, instead of .cache/voices in the tree
"""

from workshop.prompts.build import build, default_folder
from workshop.prompts.texts import LANGUAGES, TextsError, known, read, read_all, text

__all__ = ["LANGUAGES", "TextsError", "build", "default_folder", "known", "read", "read_all", "text"]
