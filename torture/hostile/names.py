"""Names that would run, mislead or break something where they are not shown as mere text."""

from collections.abc import Mapping

from torture.hostile.marks import CANARY

_SCRIPT = f"window.{CANARY}=1;alert(1)"

NAMES: Mapping[str, str] = {
    "script": f"</script><script>{_SCRIPT}</script>",
    "image": f"\"'><img src=x onerror={_SCRIPT}>",
    "link": f"<a href='javascript:{_SCRIPT}'>x</a>",
    "style": "</style><style>*{background:url(http://127.0.0.1:9/x)}</style>",
    "comment": f"<!--<script>{_SCRIPT}//--></script>",
    "template": "{{ ''.__class__.__mro__ }}{% for x in () %}",
    "format": "{0.__class__} %s %n",
    "mathematics": r"$\frac{$ $x^{2^{2^{2}}}$",
    "markup": "[red]x[/red][link=http://x]y[/link][/]:smile:",
    "escape": f"\x1b]0;{CANARY}\x07\x1b[2J\x1b[31mred",
    "C1 control": "\x9b2J\x9d0;x\x9c",
    "bidi": "\u202egnp.exe\u2066",
    "lines": "a\r\nlandscope: all is well\n\x08\x08",
    "NUL": "a\0b",
    "path": "../../../../outside/x",
    "absolute": "/etc/cron.d/x",
    "formula": f'=HYPERLINK("http://127.0.0.1:9/{CANARY}")',
    "formula of a command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "prototype": "__proto__",
    "long": "x" * 20_000,
    "empty": "",
}

SURROGATE = "half a character: \ud800"
"""No text can hold it, and JSON can."""

FOLDER = f"\x1b]0;{CANARY}\x07<script>{_SCRIPT.partition(';')[0]}<\u2044script>\u202e$x$ {{{{7}}}}"
"""Every character that a folder's name may have and a terminal or a page would obey."""
