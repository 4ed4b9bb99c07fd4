"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os

import hypothesis
import pytest
from django.contrib.auth import get_user_model
from django.core.management.commands import flush
from django.core.management.sql import sql_flush
from django.db.backends.base.introspection import BaseDatabaseIntrospection
from django.template import Template
from django.test.utils import _TestState
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.databases import SHARED

pytest_plugins = ["tests.sandbox_fixtures", "tests.chromium"]

#: Made by migrations and changed by nobody: what kinds of records there are, and who may do what with them.
RIGHTS = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


def pytest_configure() -> None:
    """Passwords of tests are not worth the half second that keeping a real one safe takes. And each client of a test
    makes the middleware anew: static files are looked for when somebody asks for one, not all of them each time."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_finish() -> None:
    """What was imported stays: to search through all of it for garbage again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


# A loaded machine is no defect: no test asserts how long something takes.
hypothesis.settings.register_profile("durar", deadline=None)
hypothesis.settings.load_profile("durar")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of whole processes and of the browser come first: they mostly wait, and one of them left for the end would
    keep a single core busy while the others are done."""
    items.sort(key=lambda item: not any(item.iter_markers("processes")))


class TogetherWhatSharesADurar(LoadScopeScheduling):
    """Gives the tests of a file to one process, and those of tests/browser, which share what they start, as well."""

    def _split_scope(self, nodeid: str) -> str:
        folder = "tests/browser/"
        return folder if nodeid.startswith(folder) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TogetherWhatSharesADurar:
    """How test processes share the work."""
    return TogetherWhatSharesADurar(config, log)


@pytest.fixture(autouse=True, scope="session")
def _shared_folder(tmp_path_factory):
    """Where the processes of this run keep what is made once for all of them."""
    base = tmp_path_factory.getbasetemp()
    os.environ[SHARED] = str(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(autouse=True, scope="session")
def _rights_stay():
    """A test that commits leaves an empty database behind, but for the rights, which would be made anew each time:
    that took longer than most such tests."""
    from django.contrib.auth.models import Group

    from mattermost_bridge.services.roles import GROUPS

    with pytest.MonkeyPatch.context() as patch:
        tables = BaseDatabaseIntrospection.django_table_names

        def without_rights(self, *args, **kwargs):
            return [table for table in tables(self, *args, **kwargs) if table not in RIGHTS]

        def emptied(*args, **kwargs):
            with pytest.MonkeyPatch.context() as narrow:
                narrow.setattr(BaseDatabaseIntrospection, "django_table_names", without_rights)
                return sql_flush(*args, **kwargs)

        def only_roles(*args, **kwargs):
            Group.objects.exclude(name__in=GROUPS).delete()

        patch.setattr(flush, "sql_flush", emptied)
        patch.setattr(flush, "emit_post_migrate_signal", only_roles)
        yield


@pytest.fixture(autouse=True, scope="session")
def _only_whole_pages_are_noted(django_test_environment):
    """Django's test client keeps a copy of the values that each template was filled with, and a page of the panel is
    made of some two hundred. The page's own are what a test looks at."""
    noting, plain = Template._render, _TestState.saved_data.template_render

    def rendered(self, context):
        return (noting if context.template is self else plain)(self, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", rendered)
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_other_tests():
    """The process keeps settings under a version; a test that is rolled back gives numbers and ids out again."""
    from mattermost_bridge.config import effective

    effective.forget()
    yield
    effective.forget()


@pytest.fixture(autouse=True, scope="session")
def _no_open_pages():
    """Also what happens between tests is told to nobody: there is no broker."""
    from mattermost_bridge.live import messages

    messages.stay_silent()


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """What open pages would be told, as account, kind and keys; nothing is sent anywhere."""
    from mattermost_bridge.live import messages

    told: list[tuple[int | None, str, tuple[int, ...]]] = []
    monkeypatch.setattr(messages, "tell", lambda *change: told.append(change))
    return told


@pytest.fixture
def alice(db):
    """An administrator."""
    return get_user_model().objects.create_superuser("alice", "alice@example.com", "alice-password-1")


@pytest.fixture
def people(db):
    """Makes somebody with a role, limited to some accounts when these are given."""
    from mattermost_bridge.services import audit
    from mattermost_bridge.services.people import set_rights

    def make(name: str, role: str, accounts=None):
        users = get_user_model().objects
        user = users.create_user(name, f"{name}@example.com", f"{name}-password-1", is_staff=True)
        granted = [account.pk for account in accounts or ()]
        set_rights(user.pk, actor=audit.SYSTEM, role=role, limited=accounts is not None, accounts=granted)
        return users.get(pk=user.pk)

    return make


@pytest.fixture
def bob(people, mine):
    """An operator who is limited to the account of the fixture `mine`, which his tests define."""
    return people("bob", "operator", [mine])


@pytest.fixture
def charlie(db):
    """Somebody who may sign in and has no rights at all."""
    return get_user_model().objects.create_user("charlie", "charlie@example.com", "charlie-password-1", is_staff=True)
