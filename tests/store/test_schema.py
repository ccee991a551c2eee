"""Databases of earlier, later and other programs, and files that are none."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from hookctl.errors import ExitCode
from hookctl.store import Store, StoreCorruptError, StoreForeignError, StoreNewerError, StoreProblem, schema
from tests.store.material import arrival, clock, open_store

VERSION_1 = Path(__file__).with_name("version-1.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    return path


def tables(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Return every table and index with the SQL that makes it, white space aside."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return {(kind, name, "".join(sql.split())) for kind, name, sql in rows}


def test_a_database_of_version_1_is_read_and_written(old: Path) -> None:
    with Store.open(old, clock=clock) as store, store.writer() as writer:
        newest, oldest = store.deliveries()
        assert (newest.id, newest.occurrence, newest.event_id) == ("dl_01HK153X01RHZVS39P", 2, "evt_1")
        assert (oldest.request.headers, oldest.request.body) == (((b"X-Name", b"\xff"),), b"\x00\xff'")
        assert oldest.response is not None
        assert (oldest.response.status, oldest.response.body) == (200, b"ok")
        assert newest.forwarded is not None
        assert newest.forwarded.error == "connection refused"
        assert writer.write([arrival(event_id="evt_1")])[0].occurrence == 3


def test_the_first_migration_makes_the_same_as_ever(tmp_path: Path, old: Path) -> None:
    made = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    schema.migrate(made, tmp_path / "new.db", schema.MIGRATIONS[:1])
    kept = sqlite3.connect(old)
    try:
        assert tables(made) == tables(kept)
        for pragma in ("user_version", "application_id"):
            assert made.execute(f"PRAGMA {pragma}").fetchone() == kept.execute(f"PRAGMA {pragma}").fetchone()
    finally:
        made.close()
        kept.close()


def test_a_migration_keeps_what_is_stored_and_runs_once(old: Path) -> None:
    runs = []

    def add_note(connection: sqlite3.Connection) -> None:
        runs.append(1)
        connection.execute("ALTER TABLE deliveries ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")

    connection = sqlite3.connect(old, isolation_level=None)
    try:
        before = connection.execute("SELECT * FROM deliveries").fetchall()
        for _ in range(2):
            schema.migrate(connection, old, (*schema.MIGRATIONS, add_note))
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS) + 1,)
        assert connection.execute("SELECT * FROM deliveries").fetchall() == [(*row, "none") for row in before]
    finally:
        connection.close()
    assert runs == [1]
    # and today's program, which does not know that version, leaves it alone
    with pytest.raises(StoreNewerError):
        Store.open(old, clock=clock)


def test_a_migration_that_fails_changes_nothing(old: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE contents")
        connection.execute("ALTER TABLE missing ADD COLUMN note")

    connection = sqlite3.connect(old, isolation_level=None)
    try:
        before = tables(connection)
        with pytest.raises(sqlite3.OperationalError, match="no such table: missing"):
            schema.migrate(connection, old, (*schema.MIGRATIONS, half))
        assert tables(connection) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    finally:
        connection.close()
    with Store.open(old, clock=clock) as store:
        assert len(list(store.deliveries())) == 2


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = store.path
        store._connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    with pytest.raises(StoreNewerError, match="its schema is version 7, this one knows up to 1") as caught:
        Store.open(path, clock=clock)
    assert str(path) in caught.value.message
    assert caught.value.hint is not None
    assert "upgrade hookctl" in caught.value.hint
    assert (caught.value.kind, caught.value.exit_code) == (StoreProblem.NEWER, ExitCode.INPUT)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreForeignError, match="is the database of another program") as caught:
        Store.open(path, clock=clock)
    assert str(path) in caught.value.message
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"{}", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "deliveries.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match="is not a database") as caught:
        Store.open(path, clock=clock)
    assert str(path) in caught.value.message
    assert caught.value.hint is not None
    assert "move the file away" in caught.value.hint
    assert path.read_bytes() == content


def test_a_damaged_database_says_so(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = store.path
        with store.writer() as writer:
            writer.write([arrival(number, body=bytes(500)) for number in range(200)])
    content = bytearray(path.read_bytes())
    # everything after the first page, which holds the schema
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with open_store(tmp_path) as store, pytest.raises(StoreCorruptError, match="is damaged") as caught:
        list(store.deliveries())
    assert str(path) in caught.value.message


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "deliveries.db"
    path.touch()
    with Store.open(path, clock=clock) as store:
        assert store.count() == 0


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_opening_waits_for_whoever_is_busy_before_the_log_is_switched_on(old: Path, begin: str) -> None:
    # the kept database has no write-ahead log yet, so that readers and writers are in each other's way
    other = sqlite3.connect(old, isolation_level=None, check_same_thread=False)
    other.execute(begin)
    other.execute("SELECT * FROM deliveries").fetchone()
    ends = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    ends.start()
    try:
        with Store.open(old, clock=clock) as store:
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        ends.join()
        other.close()
