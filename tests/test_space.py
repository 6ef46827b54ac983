"""The Space's files agree with the project, and lending a GPU changes nothing that is answered."""

from __future__ import annotations

import importlib.util
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from core.attribution.engine import Engine
from core.diffusion.sampling import Painted
from tests.small import small_collection, small_model

ROOT = Path(__file__).parents[1]
SPACE = ROOT / "assets" / "space"


def pinned(name: str) -> str:
    text = (ROOT / "constraints.txt").read_text()
    written = "[-_]".join(map(re.escape, name.split("-")))
    found = re.search(rf"(?im)^{written}==(\S+)", text)
    assert found, name
    return found[1]


def test_requirements_are_the_projects_in_the_tested_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = []
    for line in project["dependencies"]:
        name = re.split(r"[<>=]", line)[0]
        if name != "gradio":
            wanted.append(line if name == "torch" else f"{name}=={pinned(name)}")
    lines = (SPACE / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == wanted


def test_the_front_matter_names_this_gradio_and_this_file() -> None:
    front = (SPACE / "README.md").read_text().split("---")[1]
    said = dict(line.split(": ", 1) for line in front.strip().splitlines())
    assert said["sdk"] == "gradio" and said["sdk_version"] == version("gradio")
    assert ROOT / said["app_file"] == SPACE / "app.py"
    assert len(said["short_description"]) <= 100


@pytest.fixture
def space() -> ModuleType:
    spec = importlib.util.spec_from_file_location("space", SPACE / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_as_a_script_it_imports_the_package_and_not_itself() -> None:
    code = (
        "import runpy; runpy.run_path('assets/space/app.py', run_name='space'); "
        "import app.settings; print(app.settings.__file__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert Path(ran.stdout.strip()) == ROOT / "app" / "settings.py", ran.stderr


def test_what_is_lent_a_gpu_answers_the_same_and_passes_plain_values(
    space: ModuleType, tmp_path: Path
) -> None:
    """As ZeroGPU does it: arguments and answers go to another process as pickles."""
    collection = small_collection(tmp_path)
    engine = Engine(small_model(0), collection)
    lent: list[str] = []

    def gpu(duration: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def lending(work: Callable[..., Any]) -> Callable[..., Any]:
            def there(*given: Any) -> Any:
                lent.append(work.__name__)
                answer = work(*pickle.loads(pickle.dumps(given)))
                if isinstance(answer, Iterator):
                    return (pickle.loads(pickle.dumps(one)) for one in answer)
                return pickle.loads(pickle.dumps(answer))

            return there

        assert duration > 0
        return lending

    recipe: dict[str, Any] = {"seed": 3, "steps": 2, "guidance": 1.0}
    style = collection.styles[0]
    *_, before = engine.paint(style, **recipe)
    space.lend(engine, gpu)
    *_, after = engine.paint(style, **recipe)
    assert isinstance(before, Painted) and isinstance(after, Painted)
    assert isinstance(after.image, Image.Image)
    assert after.image.tobytes() == before.image.tobytes() and lent == ["painting"]


def test_an_engine_works_on_in_a_forked_process(tmp_path: Path) -> None:
    """ZeroGPU forks: the worker thread stays behind, and with it what was queued for it."""
    engine = Engine(small_model(0), small_collection(tmp_path))
    assert engine._in_turn(1, lambda: 1) == 1
    first = engine._worker
    engine._process = -1  # as a child finds it
    assert engine._in_turn(1, lambda: 2) == 2
    assert engine._worker is not first
