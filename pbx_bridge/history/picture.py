"""A ladder as a picture: SVG 1.1 without scripts, light or dark as the reader's screen, readable aloud."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from .drawing import titled
from .ladder import Ladder, Rung

#: Pixels: where the first lifeline stands, between two of them, between two rungs, of one letter.
_LEFT, _GAP, _STEP, _LETTER = 150, 170, 36, 7.4
_TOP = 84
#: Colours stand in each rule, twice: viewers that know no variables and no media queries show the light one.
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2933}.title{font-weight:600;font-size:15px}"
    ".who{font-weight:600;text-anchor:middle}.time{fill:#52606d;font-variant-numeric:tabular-nums}"
    ".says{stroke:#fff;stroke-width:4px;paint-order:stroke;stroke-linejoin:round}"
    ".life{stroke:#9aa5b1;stroke-dasharray:3 4}.arrow{stroke:#0b5cad;stroke-width:1.6}"
    ".tip{fill:#0b5cad}.paper{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#f5f7fa}.time{fill:#cbd2d9}.says{stroke:#1f2933}"
    ".life{stroke:#7b8794}.arrow{stroke:#7cc4fa}.tip{fill:#7cc4fa}.paper{fill:#1f2933}}"
)


def svg(ladder: Ladder, zone: ZoneInfo, lang: str = "ru") -> str:
    """The whole document. Times are those of `zone`."""
    columns = {who: _LEFT + index * _GAP for index, who in enumerate(ladder.participants)}
    height = _TOP + len(ladder.rungs) * _STEP + 24
    title = titled(ladder).of(lang)
    width = max(_right_end(ladder, columns, lang), 32 + len(title) * 8.2)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'viewBox="0 0 {width:.0f} {height}" role="img" aria-labelledby="title desc" lang="{lang}">',
            f'<title id="title">{_safe(title)}</title><desc id="desc">{_safe(_told(ladder, zone, lang))}</desc>',
            f"<style>{_STYLE}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            f'<text class="title" x="16" y="28">{_safe(title)}</text>',
            *_heads(ladder, columns, height),
            *_days(ladder, zone),
            *(part for index, rung in enumerate(ladder.rungs) for part in _rung(rung, index, columns, zone, lang)),
            "</svg>",
        ]
    )


def _right_end(ladder: Ladder, columns: dict[str, int], lang: str) -> float:
    ends = (
        min(columns[rung.from_], columns[rung.to]) + 24 + len(rung.words.of(lang)) * _LETTER for rung in ladder.rungs
    )
    return max(*ends, max(columns.values()) + _GAP / 2)


def _heads(ladder: Ladder, columns: dict[str, int], height: int) -> Iterator[str]:
    for who in ladder.participants:
        x = columns[who]
        yield f'<line class="life" x1="{x}" y1="{_TOP - 20}" x2="{x}" y2="{height - 16}"/>'
        yield f'<text class="who" x="{x}" y="{_TOP - 28}">{_safe(who)}</text>'


def _days(ladder: Ladder, zone: ZoneInfo) -> Iterator[str]:
    """The date, above the first rung of each day."""
    before = None
    for index, rung in enumerate(ladder.rungs):
        day = rung.at.astimezone(zone).date()
        if day != before:
            yield f'<text class="time" x="16" y="{_TOP + index * _STEP + 6}">{day.isoformat()}</text>'
        before = day


def _rung(rung: Rung, index: int, columns: dict[str, int], zone: ZoneInfo, lang: str) -> Iterator[str]:
    y = _TOP + index * _STEP + 20
    start, end = columns[rung.from_], columns[rung.to]
    yield f'<text class="time" x="16" y="{y + 4}">{_clock(rung, zone)}</text>'
    if start == end:
        yield f'<circle class="tip" cx="{start}" cy="{y}" r="4"/>'
        yield f'<text class="says" x="{start + 10}" y="{y + 4}">{_safe(rung.words.of(lang))}</text>'
        return
    back = 8 if end > start else -8
    yield f'<line class="arrow" x1="{start}" y1="{y}" x2="{end - back}" y2="{y}"/>'
    yield f'<path class="tip" d="M{end} {y}l{-back} -4v8z"/>'
    yield f'<text class="says" x="{min(start, end) + 10}" y="{y - 6}">{_safe(rung.words.of(lang))}</text>'


def _clock(rung: Rung, zone: ZoneInfo) -> str:
    local = rung.at.astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def _told(ladder: Ladder, zone: ZoneInfo, lang: str) -> str:
    """The ladder as sentences, for those who hear it."""
    return ". ".join(
        f"{_clock(rung, zone)} {rung.from_}"
        + (f" → {rung.to}" if rung.to != rung.from_ else "")
        + f": {rung.words.of(lang)}"
        for rung in ladder.rungs
    )


def _safe(text: str) -> str:
    """As text of a document: XML 1.0 knows no control characters, however they are written."""
    return html.escape("".join(each if unicodedata.category(each) not in ("Cc", "Cs", "Cn") else "?" for each in text))
