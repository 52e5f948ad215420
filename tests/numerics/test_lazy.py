import threading

import pytest

from gmmkit.numerics.lazy import lazy


class Counted:
    def __init__(self):
        self.computed = 0

    @lazy
    def value(self):
        """What is kept."""
        self.computed += 1
        return object()


def test_a_value_is_computed_once_and_can_be_forgotten_and_replaced():
    counted = Counted()
    assert counted.value is counted.value
    assert counted.computed == 1
    del counted.value
    assert counted.value is not None
    assert counted.computed == 2
    counted.value = 7
    assert (counted.value, counted.computed) == (7, 2)
    assert Counted.value.__doc__ == "What is kept."


def test_an_error_keeps_nothing():
    class Failing(Counted):
        @lazy
        def value(self):
            self.computed += 1
            raise KeyError("no")

    failing = Failing()
    for times in (1, 2):
        with pytest.raises(KeyError):
            failing.value  # noqa: B018
        assert failing.computed == times


def test_no_instance_waits_for_another():
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, name):
            self.name = name

        @lazy
        def value(self):
            if self.name == "slow":
                entered.set()
                assert leave.wait(60)
            return self.name

    slow = Slow("slow")
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    assert entered.wait(60)
    # What a lock for all instances would make a thread wait for, and a forked child for ever.
    found = []
    other = threading.Thread(target=lambda: found.append(Slow("other").value), daemon=True)
    other.start()
    other.join(30)
    leave.set()
    thread.join(60)
    assert found == ["other"]
    assert slow.value == "slow"
