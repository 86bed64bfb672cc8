"""One connection at a time checks whether the database responds, and its failure does not block the others."""

import gevent
import pytest

from chatapp.core.reachability import Reachability


def test_timeout_of_the_checking_greenlet_releases_the_others() -> None:
    requested = 0

    def connect() -> None:
        nonlocal requested
        requested += 1
        if requested == 1:
            gevent.sleep(60)

    reachability = Reachability(connect, lambda: None)

    def ask() -> None:
        with gevent.Timeout(0.05):
            reachability.check()

    first = gevent.spawn(ask)
    gevent.sleep(0)
    waiting = gevent.spawn(reachability.check)
    assert waiting.get(timeout=10) is False
    with pytest.raises(gevent.Timeout):
        first.get(timeout=10)
    assert reachability.check()
    assert not reachability.is_lost
