"""The part a person touches: command line, studio, pages.

In: nothing. Out: a process whose libraries stay at home: set here, before Gradio or diffusers is
imported. Knows no setting of ours. `HF_HUB_OFFLINE=0` in the environment lets diffusers fetch a
model that somebody names; the other switches are not for choice.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # hints about parts that are not used here
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    GRADIO_RUN_HISTORY="False",
    HF_HUB_DISABLE_TELEMETRY="1",
    DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
)

__version__ = "0.1.0"
