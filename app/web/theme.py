"""The look that all pages share: Gradio's theme with contrast that holds in light and dark."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.settings import ASSETS


def theme() -> Any:
    """Bundled fonts only (regular and bold are whole); WCAG AA contrast in both modes."""
    return gr.themes.Default(
        primary_hue="indigo",
        neutral_hue="stone",
        font=[
            gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)),
            "ui-sans-serif",
            "system-ui",
            "sans-serif",
        ],
        font_mono=[
            gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)),
            "ui-monospace",
            "monospace",
        ],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_cancel_background_fill="*neutral_200",
        button_cancel_text_color="*neutral_800",
        button_cancel_background_fill_dark="*neutral_700",
        button_cancel_text_color_dark="white",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
    )


def css() -> str:
    """The stylesheet, as text."""
    return (ASSETS / "studio.css").read_text(encoding="utf-8")


def head() -> str:
    """The script, inline: no second request, nothing from elsewhere."""
    script = (ASSETS / "studio.js").read_text(encoding="utf-8")
    return f"<script>{script}</script>"
