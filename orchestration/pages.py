"""What every page that is written to a file shares: one look, nothing fetched, all text escaped."""

from collections.abc import Iterable
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c1e21 }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; margin: .5rem 0 } th, td { padding: .2rem .8rem .2rem 0; text-align: left }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
tr { border-bottom: 1px solid #e3e5e8 } svg { max-width: 100%; height: auto } .note { color: #5b6068 }
pre { background: #f5f6f7; padding: .8rem 1rem; overflow-x: auto }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """Return a whole page of parts that are HTML already."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def row(tag: str, texts: Iterable[str], numbers: Iterable[str] = ()) -> str:
    """Return a row of a table: texts to the left, then numbers to the right."""
    left = "".join(f"<{tag}>{escape(each)}</{tag}>" for each in texts)
    right = "".join(f'<{tag} class="number">{escape(each)}</{tag}>' for each in numbers)
    return f"<tr>{left}{right}</tr>"
