"""Each application has its own state, which greenlets keep."""

import gc
import weakref
from collections.abc import Iterator

import gevent
import pytest

from chatapp.core import application
from chatapp.core.application import Application, PerApplication, current, spawn, spawn_later, use_by_default

things = PerApplication[list[str]](list)
name = PerApplication[str]()


@pytest.fixture
def newest() -> Iterator[Application]:
    """The newest of the applications."""
    before = application._newest
    newest = Application()
    use_by_default(newest)
    yield newest
    use_by_default(before)


def test_values_belong_to_the_application(newest: Application) -> None:
    older = Application()
    older.run(things.get).append("older")
    things.get().append("newest")
    assert older.run(things.get) == ["older"]
    assert things.get() == newest.run(things.get) == ["newest"]


def test_applications_nest(newest: Application) -> None:
    older = Application()
    assert older.run(lambda: (newest.run(current), current())) == (newest, older)
    assert current() is newest


def test_a_value_that_the_factory_sets_is_missing_before(newest: Application) -> None:
    with pytest.raises(RuntimeError, match="create_app"):
        name.get()
    name.set("chat")
    assert name.get() == "chat"


def test_the_value_of_a_sole_application_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Application, "created", 1)
    thing = PerApplication[list[str]](list)
    sole = Application()
    assert sole.run(thing.get) is thing._of_sole is thing.get()
    other = Application()
    assert thing._of_sole is None
    assert other.run(thing.get) is not sole.run(thing.get)
    assert thing._of_sole is None


def test_greenlets_keep_the_application(newest: Application) -> None:
    older = Application()
    greenlets = older.run(lambda: [spawn(current), spawn_later(0.001, current)])
    gevent.joinall(greenlets)
    assert [greenlet.value for greenlet in greenlets] == [older, older]


def test_gevent_starts_greenlets_outside_of_applications(newest: Application) -> None:
    assert Application().run(gevent.spawn, current).get() is newest


def test_values_are_freed_with_the_application() -> None:
    class Thing:
        """Can be referred to weakly."""

    thing = PerApplication(Thing)
    older = Application()
    reference = weakref.ref(older.run(thing.get))
    del older
    gc.collect()
    assert reference() is None
