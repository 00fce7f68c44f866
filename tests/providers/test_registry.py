"""Alias -> provider, and what is wrong with the settings, said by name before anyone is in a meeting."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from meetings.conf import WEBRTC_BACKEND
from meetings.providers import registry
from meetings.providers.memory import MemoryProvider
from meetings.providers.registry import get_provider
from tests.threads import in_threads

MEMORY = "meetings.providers.memory.MemoryProvider"


def configure(settings: Any, **entry: Any) -> None:
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"x": entry}


class TestARegistry:
    def test_builds_a_provider_once(self, settings: Any) -> None:
        configure(settings, BACKEND=MEMORY)
        assert get_provider("x") is get_provider("x")
        assert isinstance(get_provider("x"), MemoryProvider)

    def test_builds_it_anew_when_settings_change(self, settings: Any) -> None:
        configure(settings, BACKEND=MEMORY)
        before = get_provider("x")
        configure(settings, BACKEND=MEMORY, OPTIONS={"MAX_PARTICIPANTS": 3})
        assert get_provider("x") is not before
        assert get_provider("x").capabilities.max_participants == 3

    @pytest.mark.django_db
    def test_gives_threads_that_come_together_the_same_one(self, settings: Any) -> None:
        configure(settings, BACKEND=MEMORY)
        found: list[object] = []
        in_threads(16, lambda _: found.append(get_provider("x")))
        assert len(set(map(id, found))) == 1

    def test_two_aliases_are_two_providers(self, settings: Any) -> None:
        settings.VIDEOCONF_PROVIDERS = {"a": {"BACKEND": MEMORY}, "b": {"BACKEND": MEMORY}}
        assert get_provider("a") is not get_provider("b")
        assert registry.aliases() == ["a", "b"]

    def test_names_what_there_is_for_an_unknown_alias(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"no provider 'nobody'; it has webrtc"):
            get_provider("nobody")

    def test_has_the_embedded_one_without_any_setting(self, settings: Any) -> None:
        del settings.VIDEOCONF_PROVIDERS
        assert registry.aliases() == ["webrtc"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "BACKEND is missing"),
    ({"BACKEND": MEMORY, "NAME": "x"}, "not 'NAME'"),
    ({"BACKEND": "meetings.providers.nowhere.Provider"}, "can't be imported"),
    ({"BACKEND": "meetings.providers.memory.NoSuchProvider"}, "can't be imported"),
    ({"BACKEND": "os.path.join"}, "no subclass of meetings.providers.base.Provider"),
    ({"BACKEND": "builtins.dict"}, "no subclass of meetings.providers.base.Provider"),
    ({"BACKEND": MEMORY, "OPTIONS": {"WEBHOOK_SECRET": ["a"]}}, "no option 'WEBHOOK_SECRET'"),
    ({"BACKEND": MEMORY, "OPTIONS": {"WEBHOOK_SECRETS": "secret"}}, r'"WEBHOOK_SECRETS"\] must be a list of texts'),
    ({"BACKEND": MEMORY, "OPTIONS": {"WEBHOOK_SECRETS": [7]}}, "must be a list of texts"),
    ({"BACKEND": MEMORY, "OPTIONS": {"SCHEDULE": "yes"}}, "must be of type bool"),
    ({"BACKEND": WEBRTC_BACKEND, "OPTIONS": {"TURN_TTL": "60"}}, "must be of type int"),
    ({"BACKEND": WEBRTC_BACKEND, "OPTIONS": {"TURN_TTL": True}}, "must be of type int"),
]


@pytest.mark.parametrize(("entry", "said"), WRONG, ids=[str(entry)[:70] for entry, _ in WRONG])
def test_a_wrong_entry_is_named(settings: Any, entry: dict[str, Any], said: str) -> None:
    configure(settings, **entry)
    with pytest.raises(ImproperlyConfigured, match=said):
        get_provider("x")


class TestChecks:
    def ids(self) -> set[str | None]:
        return {found.id for found in run_checks(tags=["videoconf"])}

    def test_the_tests_settings_are_in_order(self) -> None:
        assert self.ids() == set()

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("NO_SUCH_KEY", 1, "videoconf.E001"),
            ("TIME_TO_START", "ten", "videoconf.E002"),
            ("GUEST_ROLE", "king", "videoconf.E003"),
            ("UNKNOWN_PROPERTIES", "shrug", "videoconf.E004"),
            ("JWT_PUBLIC_KEY", "PEM", "videoconf.E005"),
            ("TENANT_OF", "nowhere.tenant_of", "videoconf.E006"),
            ("TENANT_OF", 7, "videoconf.E006"),
            ("DEFAULT_PROVIDER", "nobody", "videoconf.E021"),
            ("JWT_ISSUER", "videoconf-users", "videoconf.E040"),
            ("TASKS_BACKEND", "nobody", "videoconf.E050"),
        ],
    )
    def test_a_wrong_setting_is_found(self, settings: Any, key: str, value: Any, expected: str) -> None:
        settings.VIDEOCONF = settings.VIDEOCONF | {key: value}
        assert expected in self.ids()

    def test_a_provider_that_can_not_be_built_is_found(self, settings: Any) -> None:
        configure(settings, BACKEND=MEMORY, OPTIONS={"NO_SUCH_OPTION": 1})
        (found,) = run_checks(tags=["videoconf"])
        assert found.id == "videoconf.E020"
        assert "NO_SUCH_OPTION" in found.msg

    def test_a_provider_s_own_check_is_heard(self, settings: Any) -> None:
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        webrtc = settings.VIDEOCONF_PROVIDERS["webrtc"]["BACKEND"]
        settings.VIDEOCONF_PROVIDERS = {"webrtc": {"BACKEND": webrtc}}
        assert self.ids() == {"videoconf.E012"}

    @pytest.mark.parametrize("secret", ["SECRET_KEY", "SIGNING_KEY", "JOIN_TOKEN_KEY"])
    def test_a_key_for_two_kinds_of_token_is_found(self, settings: Any, secret: str) -> None:
        shared = "one-key-for-everything-0123456789-0123456789"
        if secret == "SIGNING_KEY":
            settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": shared}
        elif secret == "SECRET_KEY":
            settings.SIMPLE_JWT = {name: value for name, value in settings.SIMPLE_JWT.items() if name != "SIGNING_KEY"}
            settings.SECRET_KEY = shared
        else:
            settings.VIDEOCONF = settings.VIDEOCONF | {"JOIN_TOKEN_KEY": shared}
        settings.VIDEOCONF = settings.VIDEOCONF | {"JWT_SECRET": shared}
        assert self.ids() == {"videoconf.E041"}

    def test_tasks_that_can_not_wait_are_found(self, settings: Any) -> None:
        settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
        assert self.ids() == {"videoconf.E050"}

    def test_unsigned_webhooks_are_a_warning_of_a_deployment(self, settings: Any) -> None:
        settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}
        found = {check.id for check in run_checks(tags=["videoconf"], include_deployment_checks=True)}
        assert found == {"videoconf.W001"}
        assert self.ids() == set()

    def test_tokens_that_outlive_a_password_are_a_warning_of_a_deployment(self, settings: Any) -> None:
        settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"CHECK_REVOKE_TOKEN": False}
        found = {check.id for check in run_checks(tags=["videoconf"], include_deployment_checks=True)}
        assert found == {"videoconf.W002"}
        assert self.ids() == set()
