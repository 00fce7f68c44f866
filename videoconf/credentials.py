"""Credentials from the environment that take more than a glance: key files and pairs of names.

What is refused is never shown, nor what the refusal came from: a key that is taken for a path would be.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from meetings import caller_keys
from meetings.providers import opentok_credentials as credentials
from videoconf.environment import Environment, refuse

LEGACY = ("VONAGE_API_KEY", "VONAGE_API_SECRET")
APPLICATION = ("VONAGE_APPLICATION_ID", "VONAGE_PRIVATE_KEY")


def pem(env: Environment, name: str) -> str | None:
    """Return PEM text given as such (line breaks may be written as `\\n`) or as the path of a file."""
    value = env.text(name)
    if not value:
        return None
    try:
        return credentials.read_pem(value)
    except (OSError, ValueError):
        raise refuse(name, "it is neither PEM text nor the path of a readable PEM file.") from None


def public_key(env: Environment, name: str) -> str | None:
    """Return a PEM public key, or `None`."""
    text = pem(env, name)
    if text is not None:
        try:
            caller_keys.public_key(text)
        except ImproperlyConfigured:
            raise refuse(name, "it is no PEM public key (-----BEGIN PUBLIC KEY-----) of RSA or P-256.") from None
    return text


def private_key(env: Environment, name: str) -> str | None:
    """Return a PEM private RSA key without a passphrase, or `None`."""
    text = pem(env, name)
    if text is not None:
        try:
            credentials.load_rsa_key(text)
        except ValueError as error:
            raise refuse(name, f"it is {error}") from None
    return text


def vonage(env: Environment) -> dict[str, Any] | None:
    """Return Vonage's options, or `None` without credentials; contradicting ones are refused in any case.

    One pair of credentials decides which of Vonage's two environments is meant.
    """
    options: dict[str, Any] = {
        "TIMEOUT": env.integer("VONAGE_TIMEOUT", 10, lowest=1, highest=120),
        "SESSION_SECRETS": env.words("VONAGE_SESSION_SECRETS"),
        "ARCHIVE_SECRETS": env.words("VONAGE_ARCHIVE_SECRETS"),
    }
    if url := env.address("VONAGE_API_URL", ("https", "http")):
        options["API_URL"] = url
    has_legacy, has_application = is_pair_set(env, *LEGACY), is_pair_set(env, *APPLICATION)
    if has_legacy and has_application:
        names = ", ".join((*LEGACY, *APPLICATION))
        raise refuse(names, "both pairs are set. Keep the pair of the environment that you use.")
    if has_legacy:
        return options | _legacy(env)
    return options | _application(env) if has_application else None


def _legacy(env: Environment) -> dict[str, Any]:
    """Values are not shown: somebody may have mixed up the names."""
    key, secret = env.text(LEGACY[0]), env.text(LEGACY[1])
    if not credentials.is_api_key(key):
        raise refuse(LEGACY[0], f"it is no number. For an application set {' and '.join(APPLICATION)}.")
    if credentials.BEGIN in secret:
        raise refuse(LEGACY[1], f"it is a private key. For an application set {' and '.join(APPLICATION)}.")
    return {"API_KEY": key, "API_SECRET": secret}


def _application(env: Environment) -> dict[str, Any]:
    key, identifier = private_key(env, APPLICATION[1]), env.text(APPLICATION[0])
    if not credentials.is_application_id(identifier):
        raise refuse(APPLICATION[0], f"it is no UUID. A legacy project has {' and '.join(LEGACY)}.")
    return {"APPLICATION_ID": identifier, "PRIVATE_KEY": key}


def is_pair_set(env: Environment, first: str, second: str) -> bool:
    """Tell whether both names are set; one alone is refused."""
    has_first, has_second = bool(env.text(first)), bool(env.text(second))
    if has_first != has_second:
        missing, there = (second, first) if has_first else (first, second)
        raise refuse(missing, f"it is not set, but {there} is. Set both.")
    return has_first
