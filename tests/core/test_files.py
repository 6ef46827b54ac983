"""A file is the old or the new one, whoever else writes it; what a killed writer left is swept."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from core import files
from core.diffusion.tensors import read_tensors, save_tensors
from core.errors import CollectionError, ModelError

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys, time
from pathlib import Path
from core.files import write_via

def write(draft):
    draft.write_bytes(b"half")
    print(draft.name, flush=True)
    time.sleep(60)

write_via(Path(sys.argv[1]), write)
"""


def writing(target: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process in the middle of writing `target`, and its draft."""
    process = subprocess.Popen(
        (sys.executable, "-c", WRITER, str(target)), cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, target.parent / process.stdout.readline().strip()


def test_a_living_draft_stays_and_a_dead_ones_is_swept(tmp_path: Path) -> None:
    process, draft = writing(tmp_path / "a.txt")
    try:
        assert draft.read_bytes() == b"half"
        files.sweep(tmp_path)
        assert draft.is_file()
    finally:
        process.kill()
        process.wait(20)
    files.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_first_file_that_a_process_writes_into_a_folder_sweeps_it(tmp_path: Path) -> None:
    process, draft = writing(tmp_path / "a.txt")
    process.kill()
    process.wait(20)
    (tmp_path / ".model-000.safetensors.part").write_bytes(b"as earlier versions named it")
    (tmp_path / ".a_b1c2d3.part").write_bytes(b"and so")
    (tmp_path / "model.unfinished").mkdir()
    (tmp_path / "own.part").write_bytes(b"somebody's")
    assert draft.is_file()
    files.write_text(tmp_path / "b.txt", "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "own.part"]


def test_a_draft_of_another_machine_is_left_for_a_day(tmp_path: Path) -> None:
    draft = tmp_path / f".{'0' * 8}-1-{'0' * 8}-{'0' * 16}.part"
    draft.write_bytes(b"half")
    files.sweep(tmp_path)
    assert draft.is_file()
    before = time.time() - 25 * 3600
    os.utime(draft, (before, before))
    files.sweep(tmp_path)
    assert not draft.exists()


def test_many_writers_of_one_file_leave_one_of_theirs(tmp_path: Path) -> None:
    target = tmp_path / "t.safetensors"

    def write(number: int) -> None:
        save_tensors(target, {"x": torch.full((50_000,), float(number))}, {"n": str(number)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    tensors, marks = read_tensors(target)
    assert set(tensors["x"].tolist()) == {float(marks["n"])}
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_whole_or_what_it_was(tmp_path: Path) -> None:
    target = tmp_path / "made" / "folder"

    def fill(draft: Path) -> None:
        (draft / "config.json").write_text("{}")
        (draft / "deep").mkdir()
        (draft / "deep" / "weights").write_text("w")

    def stopped(draft: Path) -> None:
        (draft / "config.json").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_folder(target, stopped)
    assert list(target.parent.iterdir()) == []
    files.write_folder(target, fill)
    with pytest.raises(KeyboardInterrupt):
        files.write_folder(target, stopped)
    assert (target / "config.json").read_text() == "{}"
    (target / "older").write_text("o")
    files.write_folder(target, fill)
    assert sorted(path.name for path in target.iterdir()) == ["config.json", "deep"]
    assert list(target.parent.iterdir()) == [target]


def test_a_disk_that_is_full_is_said_of_tensors_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CollectionError, match=r"x\.safetensors.*no space left"):
        save_tensors(tmp_path / "x.safetensors", {"x": torch.zeros(3)}, {})
    assert list(tmp_path.iterdir()) == []


def test_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.checksum(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223b003")


def sources() -> list[Path]:
    return sorted(path for folder in ("app", "core") for path in (ROOT / folder).rglob("*.py"))


def test_files_are_swapped_in_one_place_and_locked_in_one_way() -> None:
    """`core.files` renames, and `filelock` locks, on every system."""
    swapping: set[str] = set()
    locking: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                of_os = isinstance(node.value, ast.Name) and node.value.id in ("os", "shutil")
                if node.attr == "rename" or (of_os and node.attr in ("replace", "move")):
                    swapping.add(path.relative_to(ROOT).as_posix())
                if node.attr in ("mkstemp", "NamedTemporaryFile", "O_EXCL"):
                    swapping.add(path.relative_to(ROOT).as_posix())
                if node.attr in ("flock", "lockf", "locking"):
                    locking.add(path.relative_to(ROOT).as_posix())
    assert swapping == {"core/files.py"}
    assert locking == set()


def number_in(path: Path) -> int:
    return files.read_json(
        path,
        lambda value: int(value["number"]),
        missing="It is missing.",
        damaged="It is damaged.",
        error=ModelError,
    )


def test_a_json_file_is_read_as_its_reader_expects(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"number": 7}), encoding="utf-8")
    assert number_in(tmp_path / "a.json") == 7


@pytest.mark.parametrize(
    "data", [b"", b'{"number": 7', b'{"other": 7}', b"[7]", b'{"number": "x"}', b'"\xff"', b"null"]
)
def test_a_damaged_json_file_is_refused_in_its_readers_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ModelError, match="It is damaged"):
        number_in(tmp_path / "a.json")


def test_a_missing_json_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="It is missing"):
        number_in(tmp_path / "a.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match="It is damaged"):
        number_in(tmp_path / "folder")
