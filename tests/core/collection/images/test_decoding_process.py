"""Pictures are decoded elsewhere: the same pixels, and whatever happens there ends in words here.

The files that take long are honest in every number (`bmp_runs`), so that nothing but the limits
of time and memory can stop them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.collection.images.container_limits import LIMITS
from core.collection.images.decoding_process import DECODING, POOL, DecodingLimits, DecodingPool
from core.collection.images.open import decode_image, open_image
from core.errors import DecodingCancelled, ImageRefused
from tests.core.collection.images.crafted import bmp_runs, plain, saved

ROOT = Path(__file__).resolve().parents[4]
LONG = bmp_runs(3400, 3400)  # some four seconds
GOOD = plain("PNG")
PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it in /proc")


@pytest.fixture
def pool() -> Iterator[DecodingPool]:
    own = DecodingPool()
    yield own
    own.close()


def is_gone(pid: int) -> bool:
    """Whether no such process is left, waited for a little while."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def until(condition: Callable[[], Any]) -> Any:
    """The first truth that `condition` gives."""
    for _ in range(400):
        if value := condition():
            return value
        time.sleep(0.025)
    raise AssertionError("it never came true")


class Attempt(threading.Thread):
    """A picture opened in a thread of its own, and what came of it."""

    def __init__(self, pool: DecodingPool, data: bytes, **more: Any) -> None:
        super().__init__(daemon=True)
        self.pool, self.data, self.more = pool, data, more
        self.outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self.pool.decode(self.data, LIMITS, **self.more).image
        except ImageRefused as error:
            self.outcome = error


# --- the same pixels ------------------------------------------------------------------------------


def pictures() -> dict[str, bytes]:
    values = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(values).resize((90, 70), Image.Resampling.BICUBIC)
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[0x0112] = 6
    sixteen = Image.fromarray(np.linspace(0, 65535, 6300).reshape(70, 90).astype(np.uint16))
    frames = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    return {
        **{kind: saved(image, kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "AVIF")},
        "WebP": saved(image, "WEBP", lossless=True),
        "turned": saved(image, "JPEG", exif=exif),
        "transparent": saved(clear, "PNG"),
        "printing colours": saved(image.convert("CMYK"), "TIFF"),
        "16 bits": saved(sixteen, "PNG"),
        "frames": saved(image, "GIF", **frames),
        "pages": saved(image, "TIFF", **frames),
        "very small": saved(image.resize((8, 9)), "PNG"),
        "larger than a band": saved(image.resize((2000, 1500)), "JPEG"),
        "wide": saved(image.resize((6000, 301)), "PNG"),
    }


PICTURES = pictures()


@pytest.mark.parametrize("name", PICTURES)
def test_decoded_elsewhere_is_decoded_here_byte_for_byte(name: str, pool: DecodingPool) -> None:
    there, here = pool.decode(PICTURES[name], LIMITS), decode_image(PICTURES[name])
    assert there.image.mode == here.image.mode == "RGB"
    assert there.image.size == here.image.size
    assert there.image.tobytes() == here.image.tobytes()
    assert there.notes == here.notes


@pytest.mark.parametrize("data", [GOOD[:60], b"\x89PNG\r\n\x1a\n", LONG[:3000], b"GIF89a"])
def test_refused_elsewhere_is_refused_here_in_the_same_words(data: bytes) -> None:
    with pytest.raises(ImageRefused) as there:
        open_image(data)
    with pytest.raises(ImageRefused) as here:
        decode_image(data)
    assert there.value.message == here.value.message


def test_a_child_serves_picture_after_picture(pool: DecodingPool) -> None:
    pool.decode(GOOD, LIMITS)
    first = pool.process_ids()
    for data in PICTURES.values():
        pool.decode(data, LIMITS)
    assert pool.process_ids() == first
    assert len(first) == 1


def test_threads_share_two_children(pool: DecodingPool) -> None:
    names = list(PICTURES) * 4
    attempts = [Attempt(pool, PICTURES[name]) for name in names]
    seen = set(until(pool.process_ids))
    for attempt in attempts:
        attempt.join()
    seen |= set(pool.process_ids())
    assert len(seen) <= 2
    for name, attempt in zip(names, attempts, strict=True):
        assert attempt.outcome.tobytes() == decode_image(PICTURES[name]).image.tobytes()


# --- limits ---------------------------------------------------------------------------------------


def test_what_takes_long_is_ended_and_the_next_picture_opens(pool: DecodingPool) -> None:
    pool.decode(GOOD, LIMITS)
    (pid,) = pool.process_ids()
    began = time.monotonic()
    with pytest.raises(ImageRefused, match=r"more than 0\.3 seconds, so it was stopped"):
        pool.decode(LONG, LIMITS, DecodingLimits(seconds=0.3))
    assert time.monotonic() - began < 3
    assert is_gone(pid)
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)
    assert pool.process_ids() != [pid]


def test_the_default_answers_within_five_seconds() -> None:
    assert DECODING.seconds < 5
    assert DECODING.memory < 1e9


@PROC
def test_what_needs_much_memory_is_refused_and_the_next_picture_opens(pool: DecodingPool) -> None:
    data = saved(Image.new("RGB", (5000, 4000)), "PNG")
    with pytest.raises(ImageRefused, match="not enough memory"):
        pool.decode(data, LIMITS, DecodingLimits(memory=50_000_000))
    assert pool.decode(data, LIMITS).image.size == (5000, 4000)


@PROC
def test_the_largest_picture_opens_within_the_memory_that_is_allowed(pool: DecodingPool) -> None:
    whole = Image.new("RGBA", (7300, 5450), (9, 99, 199, 128))
    data = saved(whole, "WEBP", lossless=True, quality=0, method=0)
    patient = DecodingLimits(seconds=60)  # whatever else this machine does
    attempt, peak = Attempt(pool, data, limits=patient), 0
    while attempt.is_alive():
        for pid in pool.process_ids():
            with contextlib.suppress(OSError, IndexError):  # it ends while this looks
                status = Path(f"/proc/{pid}/status").read_text()
                peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
        time.sleep(0.01)
    assert attempt.outcome.size == (7300, 5450)
    assert 0.4e9 < peak < 1e9


@PROC
def test_a_picture_that_takes_long_yields_the_processor(pool: DecodingPool) -> None:
    attempt = Attempt(pool, LONG)
    (pid,) = until(pool.process_ids)
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)
    niceness = until(lambda: attempt.outcome or os.getpriority(os.PRIO_PROCESS, pid))
    assert niceness == 10
    attempt.join()
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)
    (later,) = pool.process_ids()
    assert later != pid
    assert os.getpriority(os.PRIO_PROCESS, later) == os.getpriority(os.PRIO_PROCESS, 0)


# --- cancelling -----------------------------------------------------------------------------------


def test_cancelling_ends_the_child_at_once(pool: DecodingPool) -> None:
    stop = threading.Event()
    attempt = Attempt(pool, LONG, cancelled=stop.is_set)
    (pid,) = until(pool.process_ids)
    time.sleep(0.4)
    began = time.monotonic()
    stop.set()
    attempt.join()
    assert time.monotonic() - began < 1
    assert isinstance(attempt.outcome, DecodingCancelled)
    assert is_gone(pid)
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)


def test_cancelling_ends_the_wait_for_a_free_child(pool: DecodingPool) -> None:
    stop, stop_waiting = threading.Event(), threading.Event()
    busy = [Attempt(pool, LONG, cancelled=stop.is_set) for _ in range(2)]
    until(lambda: len(pool.process_ids()) == 2)
    waiting = Attempt(pool, GOOD, cancelled=stop_waiting.is_set)
    time.sleep(0.2)
    assert waiting.outcome is None
    stop_waiting.set()
    waiting.join(timeout=2)
    assert isinstance(waiting.outcome, DecodingCancelled)
    stop.set()
    for attempt in busy:
        attempt.join(timeout=3)
        assert isinstance(attempt.outcome, DecodingCancelled)
    assert pool.process_ids() == []


def test_what_is_cancelled_before_it_begins_starts_nothing(pool: DecodingPool) -> None:
    with pytest.raises(DecodingCancelled, match="cancelled"):
        pool.decode(GOOD, LIMITS, cancelled=lambda: True)
    assert pool.process_ids() == []


def test_closing_ends_what_is_under_way_in_words(pool: DecodingPool) -> None:
    attempt = Attempt(pool, LONG)
    (pid,) = until(pool.process_ids)
    pool.close()
    attempt.join(timeout=3)
    assert isinstance(attempt.outcome, ImageRefused)
    assert is_gone(pid)
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)


# --- children that fail ---------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_child_that_is_killed_at_work_is_a_refusal_in_words(pool: DecodingPool) -> None:
    attempt = Attempt(pool, LONG)
    (pid,) = until(pool.process_ids)
    time.sleep(0.4)
    os.kill(pid, signal.SIGKILL)
    attempt.join(timeout=3)
    assert "ended before it was done" in attempt.outcome.message
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_child_that_is_killed_at_rest_costs_nothing(pool: DecodingPool) -> None:
    pool.decode(GOOD, LIMITS)
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: pool.process_ids() == [])
    assert pool.decode(GOOD, LIMITS).image.size == (64, 64)


def lying(answer: bytes) -> list[str]:
    """A child that is ready, takes what it gets, and answers this."""
    ready = b"\0\0\0\2{}"
    code = (
        "import os, sys, struct, json\n"
        f"os.write(1, {ready!r})\n"
        "size, = struct.unpack('>I', os.read(0, 4))\n"
        "os.read(0, size)\n"
        f"os.write(1, {answer!r})\n"
        "os.read(0, 1 << 20); os.read(0, 1 << 20)\n"
    )
    return [sys.executable, "-c", code]


def header(**fields: object) -> bytes:
    text = json.dumps(fields).encode()
    return len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\5rubbi",
        b"\0\0\0\2[]",
        b"\0\0\x75\x30" + b"[" * 30_000,
        header(),
        header(width=4, height=4),
        header(width="4", height=4, notes=[]),
        header(width=0, height=4, notes=[]),
        header(width=-4, height=-4, notes=[]),
        header(width=10**6, height=10**6, notes=[]),
        header(width=4, height=4, notes=[7]),
        header(width=4, height=4, notes=["long" * 1000]),
        header(width=4, height=4, notes=None),
        header(refused=None),
        header(refused="long" * 1000),
    ],
)
def test_a_child_that_answers_nonsense_is_a_refusal_in_words(answer: bytes) -> None:
    pool = DecodingPool(1, lying(answer))
    with pytest.raises(ImageRefused, match="ended before it was done"):
        pool.decode(GOOD, LIMITS)
    assert pool.process_ids() == []


@pytest.mark.parametrize("code", ["", "raise SystemExit(3)", "print('hello', flush=True)"])
def test_a_child_that_does_not_begin_is_a_refusal_in_words(code: str) -> None:
    pool = DecodingPool(1, [sys.executable, "-c", code])
    for _ in range(2):
        with pytest.raises(ImageRefused, match="ended before it was done"):
            pool.decode(GOOD, LIMITS)
    assert pool.process_ids() == []


def test_a_child_that_cannot_be_started_is_a_refusal_in_words(tmp_path: Path) -> None:
    pool = DecodingPool(1, [str(tmp_path / "missing")])
    for _ in range(2):  # and its place is free again
        with pytest.raises(ImageRefused, match="cannot be started"):
            pool.decode(GOOD, LIMITS)


def test_a_child_that_keeps_pixels_back_is_ended_in_time() -> None:
    pool = DecodingPool(1, lying(header(width=4, height=4, notes=[]) + bytes(47)))
    with pytest.raises(ImageRefused, match="so it was stopped"):
        pool.decode(GOOD, LIMITS, DecodingLimits(seconds=0.4))
    assert pool.process_ids() == []


# --- what a child is given ------------------------------------------------------------------------


def test_a_child_loads_no_model_and_no_page() -> None:
    code = "import sys, core.collection.images.decoding_child; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "PIL" in loaded
    assert not loaded & {"torch", "gradio", "sqlalchemy", "diffusers", "scipy", "app"}


@PROC
def test_a_child_gets_no_secrets_and_no_open_files(
    pool: DecodingPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    with (tmp_path / "open").open("wb") as stream:
        os.set_inheritable(stream.fileno(), True)
        pool.decode(GOOD, LIMITS)
        (pid,) = pool.process_ids()
        assert b"SOME_TOKEN" not in Path(f"/proc/{pid}/environ").read_bytes()
        targets = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    assert {target.partition(":")[0] for target in targets} == {"pipe", os.devnull}


@PROC
def test_a_child_may_not_dump_its_memory_or_write_files(pool: DecodingPool) -> None:
    pool.decode(GOOD, LIMITS)
    (pid,) = pool.process_ids()
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    sizes = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert sizes["Max core file size"] == sizes["Max file size"] == ["0", "0"]
    assert int(sizes["Max address space"][0]) < DECODING.memory + 1e9


PARENT = """
import sys, time
from core.collection.images.decoding_process import POOL
from core.collection.images.open import open_image
open_image(sys.stdin.buffer.read())
print(*POOL.process_ids(), flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
"""


def child_of_an_ended_parent(code: str, *, killed: bool) -> int:
    """Run a parent until it names its decoding child, end it, and return the child's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, "wait" if killed else "exit"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(GOOD)
    process.stdin.close()
    pid = int(process.stdout.readline())
    if killed:
        process.kill()
    process.wait(timeout=20)
    process.stdout.close()
    return pid


@pytest.mark.parametrize("ending", ["exit", "kill"])
def test_no_child_outlives_its_parent(ending: str) -> None:
    assert is_gone(child_of_an_ended_parent(PARENT, killed=ending == "kill"))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_a_child_at_work_ends_itself_when_its_parent_is_gone() -> None:
    busy = """import threading
from core.collection.images.container_limits import LIMITS
from core.collection.images.decoding_process import DecodingLimits
from tests.core.collection.images.crafted import bmp_runs
task = (bmp_runs(3400, 3400), LIMITS, DecodingLimits(seconds=0.6))
threading.Thread(target=POOL.decode, args=task, daemon=True).start()
time.sleep(0.3)
print("""
    code = PARENT.replace("print(", busy)
    assert is_gone(child_of_an_ended_parent(code, killed=True))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_children_of_its_own() -> None:
    open_image(GOOD)
    stop = threading.Event()
    busy = [Attempt(POOL, LONG, cancelled=stop.is_set) for _ in range(2)]  # every place is taken
    before = until(lambda: POOL.process_ids() if len(POOL.process_ids()) == 2 else [])
    reader, writer = os.pipe()
    forked = os.fork()
    if forked == 0:
        try:
            signal.alarm(20)
            open_image(GOOD)
            os.write(writer, json.dumps(POOL.process_ids()).encode())
            POOL.close()
        finally:
            os._exit(0)
    os.waitpid(forked, 0)
    os.close(writer)
    theirs = os.read(reader, 1000)
    os.close(reader)
    assert theirs
    assert not set(json.loads(theirs)) & set(before)
    stop.set()
    for attempt in busy:
        attempt.join()
    assert open_image(GOOD).image.size == (64, 64)
