"""The newest wins: lag never builds up, whatever the consumer's speed; ends, errors and threads."""

from __future__ import annotations

import threading
import time

import pytest

from fingerspell.live.frames.newest import Newest


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"newest", "camera"}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    until = time.monotonic() + 3
    while threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert threads() == set()


class Producer:
    """Numbers with their birth, `rate` a second."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.rate, self.count = rate, int(rate * seconds)
        self.stopped = threading.Event()

    def __iter__(self):
        begun = time.monotonic()
        for number in range(self.count):
            if self.stopped.wait(max(begun + number / self.rate - time.monotonic(), 0)):
                return
            yield number, time.monotonic()


def test_a_slow_consumer_always_gets_a_fresh_frame():
    producer = Producer(60, 2.0)
    ages, numbers = [], []
    with Newest(producer, producer.stopped.set) as newest:
        for number, born in newest:
            ages.append(time.monotonic() - born)
            numbers.append(number)
            time.sleep(0.2)
    assert 5 <= len(numbers) <= 12
    assert sorted(ages)[len(ages) // 2] < 1.5 / 60
    assert max(ages[:-1]) < 1 / 60 + 0.1, "older than one interval and a little: lag built up"
    assert ages[-1] < 0.25
    assert numbers == sorted(set(numbers))
    assert newest.read == 120
    assert newest.dropped == 120 - len(numbers)


def test_a_quick_consumer_gets_all():
    taken = threading.Semaphore(1)

    def waits_for_the_consumer():
        for number in range(30):
            taken.acquire(timeout=5)
            yield number

    with Newest(waits_for_the_consumer()) as newest:
        found = []
        for number in newest:
            found.append(number)
            taken.release()
        assert found == list(range(30))
        assert (newest.read, newest.dropped, newest.ended) == (30, 0, True)


def test_the_last_is_given_although_reading_has_ended():
    with Newest([1, 2, 3]) as newest:
        newest._thread.join()
        assert not newest.ended
        assert list(newest) == [3]
        assert newest.take() is None
        assert (newest.ended, newest.dropped) == (True, 2)


def test_nothing_in_time():
    stop = threading.Event()

    def silent():
        stop.wait(5)
        yield 1

    with Newest(silent(), stop.set) as newest:
        begun = time.monotonic()
        assert newest.take(0.05) is None
        assert 0.04 < time.monotonic() - begun < 1
        assert not newest.ended


def test_an_error_comes_after_the_last_item_and_once():
    def fails():
        yield 1
        raise ValueError("broken")

    with Newest(fails()) as newest:
        newest._thread.join()
        assert newest.take() == 1
        assert not newest.ended
        with pytest.raises(ValueError, match="broken"):
            newest.take()
        assert newest.take() is None
        assert newest.ended


def test_when_the_taken_arrived():
    clock = iter([5.0, 7.0]).__next__
    with Newest([1, 2], clock=clock) as newest:
        newest._thread.join()
        assert newest.take() == 2
        assert newest.arrived == 7.0


def test_closing_ends_a_reader_that_would_go_on_for_ever():
    producer = Producer(50, 1e6)
    newest = Newest(producer, producer.stopped.set)
    assert newest.take(5) is not None
    begun = time.monotonic()
    newest.close()
    newest.close()
    assert time.monotonic() - begun < 1
    assert threads() == set()


def test_closing_without_stop_ends_with_the_next_item():
    newest = Newest(Producer(50, 1e6))
    newest.close()
    assert threads() == set()


def test_a_reader_that_hangs_does_not_hold_up_the_end():
    hangs = threading.Event()

    def driver():
        hangs.wait(20)
        yield 1

    begun = time.monotonic()
    with Newest(driver()):
        pass
    assert time.monotonic() - begun < 3
    hangs.set()
