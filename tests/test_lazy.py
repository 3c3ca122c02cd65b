"""A module is imported after another one, and names on first use."""

import sys
from types import ModuleType

import pytest

from fgmix.lazy import import_after, lazy_attributes


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Two modules that record in which order they are imported."""
    record = ModuleType("record_of_imports")
    record.names = []
    monkeypatch.setitem(sys.modules, "record_of_imports", record)
    for name in ("waited_for", "follower"):
        code = "import record_of_imports\nrecord_of_imports.names.append(__name__)\nvalue = 1\n"
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield record.names
    for name in ("waited_for", "follower"):
        sys.modules.pop(name, None)


def test_a_follower_is_imported_after_the_module_it_waits_for(modules):
    finders = list(sys.meta_path)
    import_after("waited_for", "follower")
    assert modules == []
    import json  # noqa: F401  (another module changes nothing)

    import waited_for

    assert modules == ["waited_for", "follower"]
    assert waited_for.value == 1
    assert sys.meta_path == finders


def test_a_follower_is_imported_at_once_if_the_module_is_there(modules):
    import waited_for  # noqa: F401

    import_after("waited_for", "follower")
    assert modules == ["waited_for", "follower"]


def test_a_follower_may_import_what_it_waits_for_and_come_first(modules, tmp_path):
    (tmp_path / "follower.py").write_text(
        "import waited_for\nimport record_of_imports\nrecord_of_imports.names.append(__name__)\n"
    )
    import_after("waited_for", "follower")
    import follower  # noqa: F401

    assert modules == ["waited_for", "follower"]


def test_a_module_that_is_not_there_stays_so():
    import_after("module_of_nobody", "json")
    with pytest.raises(ModuleNotFoundError, match="No module named 'module_of_nobody'"):
        import module_of_nobody  # noqa: F401


def test_a_part_of_a_package_is_the_module_itself():
    find = lazy_attributes("email", {"mime": "email.mime", "Message": "email.message"})
    assert find("mime") is sys.modules["email.mime"]
    assert find("Message") is sys.modules["email.message"].Message
    with pytest.raises(AttributeError, match="module 'email' has no attribute 'nothing'"):
        find("nothing")
