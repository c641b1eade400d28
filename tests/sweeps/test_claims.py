"""A claim has one holder, whoever is killed and whoever comes together; and it is known whose fault a death was."""

from __future__ import annotations

import os
import signal
import time

import pytest

from dynakit.sweeps import claims
from dynakit.sweeps.claims import Claims

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def child(act) -> int:
    """A process that acts and ends with status 0, or 1 if an exception ends it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies_holding(folder, name="a", session="", sign=signal.SIGKILL, reap=True) -> int:
    """A child that claims something and dies of a signal."""

    def act():
        with Claims(folder, session=session) as own:
            assert own.take(name)
            os.kill(os.getpid(), sign)
            time.sleep(10)

    pid = child(act)
    if reap:
        assert ended(pid) == -sign
    else:
        while claims.artifacts.beginning(pid) is not None:
            time.sleep(0.005)
    return pid


def test_a_claim_has_one_holder_and_is_given_back(tmp_path):
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        mine = one.take("a")
        assert (mine.start, mine.deaths) == (1, 0)
        assert one.take("a") is None
        assert other.take("a") is None
        assert other.take("b") is not None
        assert claims.held(tmp_path) == {"a": True, "b": True}
        one.drop(mine)
        assert other.take("a").start == 1
    assert os.listdir(tmp_path) == []


def test_a_zombie_is_dead(tmp_path):
    pid = dies_holding(tmp_path, reap=False)
    with Claims(tmp_path) as own:
        assert own.take("a").start == 2
    ended(pid)


def test_a_number_given_out_again_is_another_process(tmp_path, monkeypatch):
    with Claims(tmp_path) as own:
        own.take("a")
        monkeypatch.setattr(claims.artifacts, "beginning", lambda pid: "12345")
        assert claims.held(tmp_path) == {"a": False}


@pytest.mark.parametrize(
    ("session", "sign", "deaths"),
    [("", signal.SIGKILL, 0), ("other", signal.SIGKILL, 0), ("same", signal.SIGKILL, 1), ("other", signal.SIGSEGV, 1)],
)
def test_a_death_counts_if_it_was_witnessed_or_left_a_signal(tmp_path, session, sign, deaths, monkeypatch):
    monkeypatch.setattr(claims.faulthandler, "is_enabled", lambda: False)  # pytest's own has set it
    dies_holding(tmp_path, session=session, sign=sign)
    with Claims(tmp_path, session="same") as own:
        claim = own.take("a")
    assert claim.deaths == deaths
    assert ("Segmentation fault" in claim.crash) == (sign == signal.SIGSEGV)


def test_deaths_add_up_over_starts(tmp_path):
    for n in range(3):
        pid = dies_holding(tmp_path, session="same")
        (entry,) = claims.entries(tmp_path)
        assert (entry.start, entry.deaths, entry.holder.pid) == (n + 1, n, pid)
    claims.witness(tmp_path, pid, "died of something")
    with Claims(tmp_path, session="another") as own:
        claim = own.take("a")
    assert (claim.start, claim.deaths, claim.crash) == (4, 3, "died of something")


def test_another_machine_is_alive_for_as_long_as_its_claim_is_touched(tmp_path, monkeypatch):
    here = claims.artifacts.host()
    with Claims(tmp_path) as own, Claims(tmp_path) as other:
        own.take("a")
        monkeypatch.setattr(claims.artifacts, "host", lambda: f"not {here}")
        assert other.take("a") is None
        os.utime(own.own, (1.0, time.time() - claims.STALE - 1))
        assert other.take("a").start == 2


def test_what_was_cut_off_with_its_machine_is_dead(tmp_path):
    (tmp_path / "a.1-0").touch()
    with Claims(tmp_path) as own:
        assert own.take("a").start == 2


def test_who_meets_another_that_came_at_the_same_moment_steps_back(tmp_path, monkeypatch):
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        link = os.link

        def together(source, place):
            if not (tmp_path / "a.2-0").exists():
                link(other.own, tmp_path / "a.2-0")  # that one has seen a dead claim that is gone by now
            link(source, place)

        monkeypatch.setattr(os, "link", together)
        assert one.take("a") is None
        assert [entry.file for entry in claims.entries(tmp_path)] == ["a.2-0"]


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_who_come_together_one_at_a_time_holds(tmp_path, dead):
    """Each holder makes a file that must not be there, and takes it away again."""
    if dead:
        dies_holding(tmp_path)
    place, count = tmp_path / "inside", tmp_path / "count"

    def act():
        n = 0
        with Claims(tmp_path) as own:
            until = time.monotonic() + 0.7
            while time.monotonic() < until:
                claim = own.take("a")
                if claim is not None:
                    os.close(os.open(place, os.O_CREAT | os.O_EXCL))
                    n += 1
                    os.unlink(place)
                    own.drop(claim)
        with open(count, "a") as file:
            file.write(f"{n}\n")

    pids = [child(act) for _ in range(4)]
    assert [ended(pid) for pid in pids] == [0] * 4
    assert sum(int(line) for line in count.read_text().split()) > 20


def test_a_process_that_is_killed_while_it_claims_keeps_nobody_out(tmp_path):
    def act():
        with Claims(tmp_path) as own:
            while True:
                claim = own.take("a")
                if claim is not None:
                    own.drop(claim)

    for k in range(12):
        pid = child(act)
        time.sleep(0.02 + 0.003 * k)
        os.kill(pid, signal.SIGKILL)
        ended(pid)
        with Claims(tmp_path) as own:
            claim = own.take("a")
            assert claim is not None
            own.drop(claim)
    claims.clear(tmp_path, set())
    assert os.listdir(tmp_path) == []


def test_a_process_ends_with_the_one_it_must_not_outlive(tmp_path):
    read, write = os.pipe()

    def act():
        def below():
            with Claims(tmp_path, parent=os.getppid()) as own:
                own.take("a")
                os.write(write, b"!")
                time.sleep(20)

        child(below)
        time.sleep(20)

    pid = child(act)
    os.close(write)
    assert os.read(read, 1) == b"!"
    os.kill(pid, signal.SIGKILL)
    ended(pid)
    began = time.monotonic()
    assert os.read(read, 1) == b""  # nobody has the other end any more
    assert time.monotonic() - began < 5
