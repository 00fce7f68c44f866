"""System checks: configuration that would fail later fails at start, with the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from meetings.caller_keys import verification_key
from meetings.conf import SETTINGS, conf
from meetings.deferred import task_backends
from meetings.providers.registry import aliases, get_provider
from meetings.providers.types import Role


@register("videoconf")
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Unknown keys, wrong types and values out of range in `VIDEOCONF`."""
    from django.conf import settings

    given = set(getattr(settings, "VIDEOCONF", {}))
    found: list[CheckMessage] = [
        Error(f'VIDEOCONF has no key "{name}".', hint=f"Keys: {', '.join(SETTINGS)}.", id="videoconf.E001")
        for name in sorted(given - set(SETTINGS))
    ]
    for name in SETTINGS:
        try:
            getattr(conf, name)
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="videoconf.E002"))
    if found:
        return found
    roles = [role.value for role in Role]
    if conf.GUEST_ROLE is not None and conf.GUEST_ROLE not in roles:
        found.append(Error(f'VIDEOCONF["GUEST_ROLE"] must be None or one of {", ".join(roles)}.', id="videoconf.E003"))
    if conf.UNKNOWN_PROPERTIES not in ("refuse", "ignore"):
        found.append(Error('VIDEOCONF["UNKNOWN_PROPERTIES"] must be "refuse" or "ignore".', id="videoconf.E004"))
    if conf.TIME_TO_START < 0:
        found.append(Error('VIDEOCONF["TIME_TO_START"] must be 0 or more minutes.', id="videoconf.E007"))
    if conf.STORAGE_TIMEOUT <= 0:
        found.append(Error('VIDEOCONF["STORAGE_TIMEOUT"] must be more than 0 seconds.', id="videoconf.E009"))
    try:
        verification_key()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="videoconf.E005"))
    try:
        get_template(conf.PAGE_BASE_TEMPLATE)
    except TemplateDoesNotExist:
        message = f'VIDEOCONF["PAGE_BASE_TEMPLATE"] {conf.PAGE_BASE_TEMPLATE!r} is no template that can be found.'
        found.append(Error(message, id="videoconf.E008"))
    return found


@register("videoconf")
def check_providers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Each provider builds and finds its own settings in order; the default one exists."""
    found: list[CheckMessage] = []
    for alias in aliases():
        try:
            found += get_provider(alias).check()
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="videoconf.E020"))
    if conf.DEFAULT_PROVIDER not in aliases():
        found.append(
            Error(
                f'VIDEOCONF["DEFAULT_PROVIDER"] is {conf.DEFAULT_PROVIDER!r}, which VIDEOCONF_PROVIDERS does not have.',
                hint=f"It has {', '.join(aliases()) or 'none'}.",
                id="videoconf.E021",
            )
        )
    return found


@register("videoconf")
def check_actions(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Every routed action of our viewsets names its permission; one that does not is denied to everyone."""
    from django.urls import get_resolver

    found: list[CheckMessage] = []
    for callback in _callbacks(get_resolver()):
        view = getattr(callback, "cls", None)
        actions = getattr(callback, "actions", None)
        permissions = getattr(view, "permissions", None)
        if view is None or not actions or permissions is None:
            continue
        found += [
            Error(
                f"{view.__name__}.{action} names no permission and is denied to everyone.",
                hint=f"Add {action!r} to {view.__name__}.permissions.",
                id="videoconf.E030",
            )
            for action in sorted(set(actions.values()) - set(permissions))
        ]
    return found


def _callbacks(resolver: Any) -> list[Any]:
    found: list[Any] = []
    for pattern in resolver.url_patterns:
        found += _callbacks(pattern) if hasattr(pattern, "url_patterns") else [pattern.callback]
    return found


@register("videoconf")
def check_issuers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The three kinds of token must not share an issuer or a key."""
    from django.conf import settings

    users = getattr(settings, "SIMPLE_JWT", {})
    key = users.get("SIGNING_KEY", settings.SECRET_KEY)
    found: list[CheckMessage] = []
    if users.get("ISSUER") == conf.JWT_ISSUER:
        found.append(
            Error(
                f"SIMPLE_JWT ISSUER and VIDEOCONF JWT_ISSUER are both {conf.JWT_ISSUER!r}.",
                hint="Give each its own issuer.",
                id="videoconf.E040",
            )
        )
    if key in {conf.JWT_SECRET, conf.JOIN_TOKEN_KEY} or conf.JWT_SECRET == conf.JOIN_TOKEN_KEY:
        found.append(Error("Two kinds of token share a key.", hint="Give each its own key.", id="videoconf.E041"))
    return found


@register("videoconf")
def check_tasks(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The tasks backend must be able to run work later."""
    try:
        backend = task_backends[conf.TASKS_BACKEND]
    except (ImportError, ImproperlyConfigured) as error:
        return [Error(f"TASKS[{conf.TASKS_BACKEND!r}] can't be used: {error}", id="videoconf.E050")]
    if not backend.supports_defer:
        return [
            Error(
                f"The tasks backend {conf.TASKS_BACKEND!r} can't run work later.",
                hint='Use one that can, for instance {"BACKEND": "django_tasks_db.DatabaseBackend"}.',
                id="videoconf.E050",
            )
        ]
    return []


@register("videoconf", Tags.security, deploy=True)
def check_webhooks(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Unsigned webhooks in production let anyone write attendance."""
    if not conf.ALLOW_UNSIGNED_WEBHOOKS:
        return []
    return [
        CheckWarning(
            "Unsigned webhooks are accepted (ALLOW_UNSIGNED_WEBHOOKS).",
            hint="Configure the signature secrets of your providers and turn it off.",
            id="videoconf.W001",
        )
    ]


@register("videoconf", Tags.security, deploy=True)
def check_revocation(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A new password should end the tokens that the old one opened."""
    from django.conf import settings

    if getattr(settings, "SIMPLE_JWT", {}).get("CHECK_REVOKE_TOKEN"):
        return []
    return [
        CheckWarning(
            "Tokens of /auth/token outlive a change of their user's password.",
            hint='Set SIMPLE_JWT["CHECK_REVOKE_TOKEN"] to True.',
            id="videoconf.W002",
        )
    ]


@register("videoconf")
def check_hook(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """`TENANT_OF` and `JOIN_POLICY` can be imported and called."""
    hooks = {"TENANT_OF": conf.TENANT_OF, "JOIN_POLICY": conf.JOIN_POLICY}
    return [problem for name, hook in hooks.items() if hook is not None for problem in _problems_of_hook(name, hook)]


def _problems_of_hook(name: str, hook: object) -> list[CheckMessage]:
    try:
        function = import_string(hook) if isinstance(hook, str) else hook
    except ImportError as error:
        return [Error(f'VIDEOCONF["{name}"] can\'t be imported: {error}', id="videoconf.E006")]
    return [] if callable(function) else [Error(f'VIDEOCONF["{name}"] must be callable.', id="videoconf.E006")]
