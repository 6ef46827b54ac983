"""What the studio says while it works, when it fails, and where there is nothing yet."""

from __future__ import annotations

from app.web.views.html import e


def progress(phase: str, done: int, total: int, seconds_left: float | None = None) -> str:
    """Phase, bar and remaining time; a live region for screen readers."""
    share = 100 * done / total if total else 0
    left = "" if seconds_left is None else f" · {max(0.0, seconds_left):.0f} s left"
    words = f"{phase} {done}/{total}{left}" if total else phase
    return (
        f'<div class="cl-progress" role="progressbar" aria-valuemin="0" aria-valuemax="{total}" '
        f'aria-valuenow="{done}" aria-valuetext="{e(words)}" aria-label="{e(phase)}">'
        f'<span class="cl-progress-words">{e(words)}</span>'
        f'<span class="cl-progress-track"><span style="width:{share:.1f}%"></span></span></div>'
    )


def waiting(words: str) -> str:
    """Work whose length is not known."""
    return f'<div class="cl-notice" role="status">{e(words)}</div>'


def done(words: str, extra: str = "") -> str:
    """Something went well. `extra` is HTML that is already safe."""
    return f'<div class="cl-notice cl-good" role="status">{e(words)} {extra}</div>'


def trouble(words: str, title: str = "That did not work") -> str:
    """Something failed: what, why, and what to do."""
    return (
        f'<div class="cl-notice cl-bad" role="alert"><strong>{e(title)}.</strong> {e(words)}</div>'
    )


def empty(words: str, link: str = "", label: str = "") -> str:
    """Nothing is here yet, and the way to something."""
    button = f'<p><a class="cl-button" href="{e(link)}">{e(label)}</a></p>' if link else ""
    return f'<div class="cl-empty"><p>{e(words)}</p>{button}</div>'
