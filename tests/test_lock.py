"""The lock and the list of licences keep up with what is pinned."""

from __future__ import annotations

import re

from tests.licences import LICENCES, LOCK, pins


def canonical(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_pinned_package_is_locked_at_its_version_by_hash() -> None:
    locked: dict[str, tuple[str, int]] = {}
    name = ""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)==(\S+)", line):
            name = canonical(match[1])
            locked[name] = (match[2], 0)
        elif re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64}( \\)?", line):
            version, hashes = locked[name]
            locked[name] = (version, hashes + 1)
        else:
            assert not line or line.startswith("#"), line
    assert all(hashes for _, hashes in locked.values())
    pinned = {canonical(name): version for name, version in pins().items()}
    assert {name: locked.get(name, ("", 0))[0] for name in pinned} == pinned


def test_every_pinned_package_has_its_licence() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", LICENCES.read_text("utf-8"), re.MULTILINE)
    assert {name: version for name, version, _ in rows if name != "package"} == pins()
    assert {name for name, _, licence in rows if licence == "not stated"} <= {"traker"}
