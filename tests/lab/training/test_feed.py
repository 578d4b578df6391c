"""Batches made ahead: in order, bounded, with the maker's errors, and nothing at work once a run has ended."""

import threading
import time
from itertools import islice

import pytest

from fingerspell.lab.training.feed import Ahead, AtOnce, places_from


def names() -> set[str]:
    """Threads that make batches."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("batches")}


def wait_for(done) -> None:
    """At most 5 s."""
    for _ in range(500):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_places_go_on_from_any_place():
    assert list(places_from(0, 0, 2, 3)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert list(places_from(1, 2, 3, 3)) == [(1, 2), (2, 0), (2, 1), (2, 2)]
    assert list(places_from(0, 3, 2, 3)) == [(1, 0), (1, 1), (1, 2)]
    assert list(places_from(2, 0, 2, 3)) == []


@pytest.mark.parametrize("kind", [Ahead, AtOnce])
def test_batches_come_in_order(kind):
    feed = kind(lambda epoch, step: (epoch, step), places_from(0, 1, 3, 4))
    assert [feed.take() for _ in range(11)] == list(places_from(0, 1, 3, 4))
    feed.close()
    assert not names()


def test_never_more_than_two_are_made_ahead():
    made: list[int] = []
    feed = Ahead(lambda _, step: made.append(step) or step, places_from(0, 0, 1, 100))
    for taken in range(1, 6):
        assert feed.take() == taken - 1
        wait_for(lambda taken=taken: len(made) == taken + 2)
        time.sleep(0.02)
        assert len(made) == taken + 2
    feed.close()


def test_one_thread_makes_them_while_another_works():
    makers = set()
    feed = Ahead(lambda _, step: makers.add(threading.get_ident()) or step, places_from(0, 0, 1, 20))
    assert [feed.take() for _ in range(20)] == list(range(20))
    feed.close()
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_a_makers_error_is_raised_at_its_own_batch():
    def make(_: int, step: int) -> int:
        if step == 2:
            raise ValueError("broken photo")
        return step

    feed = Ahead(make, places_from(0, 0, 1, 9))
    assert [feed.take(), feed.take()] == [0, 1]
    with pytest.raises(ValueError, match="broken photo"):
        feed.take()
    feed.close()
    assert not names()


def test_closing_waits_for_what_is_being_made_and_forgets_the_rest():
    begun, ended, go = [], [], threading.Event()

    def make(_: int, step: int) -> None:
        begun.append(step)
        go.wait(5)
        ended.append(step)

    feed = Ahead(make, places_from(0, 0, 1, 50))
    wait_for(lambda: begun)
    threading.Timer(0.1, go.set).start()
    feed.close()
    assert begun == ended == [0]
    assert not names()


def test_the_end_of_the_run_is_the_end_of_the_feed():
    feed = Ahead(lambda _, step: step, places_from(0, 0, 1, 1))
    assert feed.take() == 0
    with pytest.raises(IndexError):
        feed.take()
    feed.close()
    assert list(islice(places_from(0, 0, 1, 1), 5)) == [(0, 0)]
