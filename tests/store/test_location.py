"""The store is where it belongs, private, and the user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hookctl.store import Store, StoreError, StoreForeignError, StoreProblem, default_path
from tests.store.material import arrival, clock, open_store


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_in_the_state_directory() -> None:
    home = {"HOME": "/home/jo"}
    assert default_path(home) == Path("/home/jo/.local/state/hookctl/deliveries.db")
    assert default_path({**home, "XDG_STATE_HOME": "/state"}) == Path("/state/hookctl/deliveries.db")
    # as the specification of these variables has it
    assert default_path({**home, "XDG_STATE_HOME": "relative"}) == default_path(home)
    assert default_path({**home, "XDG_STATE_HOME": ""}) == default_path(home)


def test_without_a_home_the_error_says_what_to_set() -> None:
    with pytest.raises(StoreError, match="HOME is not set") as caught:
        default_path({})
    assert caught.value.hint == "set XDG_STATE_HOME or HOME"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377, 0o777], ids=oct)
def test_everything_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with open_store(tmp_path) as store, store.writer() as writer:
            writer.write([arrival()])
            files = {path.name: mode(path) for path in store.path.parent.iterdir()}
    finally:
        os.umask(before)
    assert mode(tmp_path / "state") == 0o700
    assert files == {"deliveries.db": 0o600, "deliveries.db-wal": 0o600, "deliveries.db-shm": 0o600}


def test_a_file_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = store.path
    path.chmod(0o644)
    open_store(tmp_path).close()
    assert mode(path) == 0o600


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_planted_link_is_refused_and_what_it_points_to_is_left_alone(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"")
    (tmp_path / "state").mkdir()
    planted = tmp_path / "state" / f"deliveries.db{suffix}"
    planted.symlink_to(target)
    with pytest.raises(StoreForeignError, match="is a symbolic link") as caught:
        open_store(tmp_path)
    assert str(planted) in caught.value.message
    assert target.read_bytes() == b""
    assert planted.is_symlink()


def test_a_link_to_nothing_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "deliveries.db").symlink_to(tmp_path / "missing")
    with pytest.raises(StoreForeignError, match="is a symbolic link"):
        open_store(tmp_path)
    assert not (tmp_path / "missing").exists()


def test_another_users_file_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        path = tmp_path / "deliveries.db"
        path.touch(mode=0o600)
        os.chown(path, 65534, 65534)
    else:
        path = Path("/etc/passwd")
    with pytest.raises(StoreForeignError, match="belongs to another user") as caught:
        Store.open(path, clock=clock)
    assert caught.value.kind is StoreProblem.FOREIGN


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(StoreForeignError, match="is not a file"):
            Store.open(tmp_path / name, clock=clock)


def test_a_folder_that_cannot_be_made_is_an_error_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(StoreError, match="cannot make the store") as caught:
        open_store(tmp_path)
    assert str(tmp_path / "state") in caught.value.message


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=memory#%41'" / "file:x.db"
    with Store.open(path, clock=clock) as store, store.writer() as writer:
        writer.write([arrival()])
        assert store.count() == 1
    assert path.stat().st_size > 0
