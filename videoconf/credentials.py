"""Credentials from the environment that need more than a glance: key files, and pairs that belong together."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from videoconf.environment import Environment, refuse


def pem(env: Environment, name: str) -> str | None:
    """Return PEM text given as such (line breaks may be written as `\\n`) or as the path of a file."""
    value = env.text(name)
    if not value:
        return None
    if value.startswith("-----BEGIN"):
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise refuse(name, "it is neither PEM text nor the path of a readable PEM file.") from error


def public_key(env: Environment, name: str) -> str | None:
    """Return a PEM public key, or `None`."""
    text = pem(env, name)
    if text is not None:
        try:
            load_pem_public_key(text.encode())
        except (ValueError, TypeError) as error:
            raise refuse(name, "it is no PEM public key (-----BEGIN PUBLIC KEY-----).") from error
    return text


def private_key(env: Environment, name: str) -> str | None:
    """Return a PEM private key without a passphrase, or `None`."""
    text = pem(env, name)
    if text is not None:
        try:
            load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise refuse(name, "it is no PEM private key without a passphrase.") from error
    return text


def vonage_mode(env: Environment) -> str | None:
    """Return which of Vonage's environments the credentials are for: `legacy`, `application`, or `None` without any."""
    legacy = ("VONAGE_API_KEY", "VONAGE_API_SECRET")
    application = ("VONAGE_APPLICATION_ID", "VONAGE_PRIVATE_KEY")
    for pair in (legacy, application):
        missing = [name for name in pair if not env.text(name)]
        if len(missing) == 1:
            raise refuse(
                missing[0], f"it is not set, but {next(n for n in pair if n not in missing)} is. Set both."
            )
    has_legacy, has_application = bool(env.text(legacy[0])), bool(env.text(application[0]))
    if has_legacy and has_application:
        raise refuse(
            ", ".join((*legacy, *application)),
            "both pairs are set. Keep the pair of the environment that you use.",
        )
    private_key(env, application[1])
    if has_legacy:
        return "legacy"
    return "application" if has_application else None
