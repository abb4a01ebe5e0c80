"""Versions of the product, each in a folder of its own: a commit, the working tree, or that with something edited."""

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.engine import ROOT

PROJECT = "pyproject.toml"
PRODUCT = ("schemas", "store", "stream", "jobs")
LAYOUT = re.compile(r"^LAYOUT_VERSION = (\d+)$", re.MULTILINE)


class CannotRollError(Exception):
    """Two versions cannot take turns on the same slots; the message says why."""


@dataclass(frozen=True)
class Version:
    """A tree that the commands of the product can be run in."""

    name: str
    root: Path

    @property
    def layout(self) -> int:
        """The slot layout that it writes."""
        found = LAYOUT.search((self.root / "store/layout.py").read_text())
        if found is None:
            raise CannotRollError(f"{self.name} names no slot layout")
        return int(found[1])

    @property
    def script_sha(self) -> str:
        """What Redis calls its checkpoint script."""
        return hashlib.sha1((self.root / "store/checkpoint.lua").read_bytes(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Edit:
    """Another text in place of one that stands in a file exactly once."""

    file: str
    old: str
    new: str


def at_ref(ref: str, folder: Path) -> Version:
    """The product as it was at a commit. Raises CannotRollError where there is no such commit, or no worker in it."""
    commit = _git("rev-parse", "--short", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    if not commit:
        raise CannotRollError(f"git knows no commit {ref}")
    archive = _git("archive", "--format=tar", commit, *PRODUCT, PROJECT)
    root = folder / commit
    if archive:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(root, filter="data")
    if not (root / "stream/worker.py").exists():
        raise CannotRollError(f"{ref} has no worker yet")
    return _named(root, f"{_number(root)}+{commit}")


def working_tree(folder: Path) -> Version:
    """A copy of the product as it is here, so that edits meanwhile do not matter."""
    root = _copied(folder / "working-tree")
    return _named(root, f"{_number(root)}+tree")


def edited(folder: Path, number: str, edits: Sequence[Edit]) -> Version:
    """A copy of the working tree with another version number and these edits."""
    root = _copied(folder / number)
    for edit in edits:
        file = root / edit.file
        text = file.read_text()
        assert text.count(edit.old) == 1, f"{edit.file} no longer says {edit.old!r} once"
        file.write_text(text.replace(edit.old, edit.new))
    return _named(root, number)


def _copied(root: Path) -> Path:
    for package in PRODUCT:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / PROJECT, root)
    return root


def _named(root: Path, name: str) -> Version:
    """Have `--version` and `engagement_build_info` say the name: Python looks for what is installed here first."""
    installed = root / f"engagement_scoring-{name}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: engagement-scoring\nVersion: {name}\n")
    return Version(name, root)


def _number(root: Path) -> str:
    number: str = tomllib.loads((root / PROJECT).read_text())["project"]["version"]
    return number


def _git(*arguments: str) -> bytes:
    """What git says, nothing where it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)  # noqa: S607  from the PATH
    return done.stdout if done.returncode == 0 else b""
