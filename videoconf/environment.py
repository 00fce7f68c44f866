"""Typed reading of the environment for settings.py: what can't be used is named, with the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

LOOPBACK = ("127.0.0.1", "localhost", "::1")
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound to)
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


def refuse(name: str, problem: str) -> ImproperlyConfigured:
    """Return the error that stops the start; `problem` says what is wrong and what would be right."""
    return ImproperlyConfigured(f"{name}: {problem}")


class Environment(environ.Env):  # type: ignore[misc]  # the library is untyped
    """The process environment. A name set to nothing counts as not set, but keeps a key file from setting it.

    Values are read as they stand: the library's own getters take one that starts with `$` for a reference.
    """

    def text(self, name: str, default: str = "") -> str:
        """Return the value without surrounding white space, `default` if it is empty or not set."""
        return str(self.ENVIRON.get(name, "")).strip() or default

    def optional(self, name: str) -> str | None:
        """Return the value, or `None` if it is empty or not set."""
        return self.text(name) or None

    def is_set(self, name: str) -> bool:
        """Tell whether the name is in the environment, be it with nothing in it."""
        return name in self.ENVIRON

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no. `default` is for a name that is not set; one that is set to nothing is no."""
        if not self.is_set(name):
            return default
        value = self.text(name, "no").lower()
        if value not in TRUE + FALSE:
            raise refuse(name, f"{value!r} is neither yes nor no. Use true or false.")
        return value in TRUE

    def integer(self, name: str, default: int, *, lowest: int, highest: int) -> int:
        """Return a whole number from `lowest` to `highest`, both included."""
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit()) or not lowest <= int(value) <= highest:
            raise refuse(name, f"{value!r} is no whole number from {lowest} to {highest}.")
        return int(value)

    def words(self, name: str) -> list[str]:
        """Return a comma separated list, without its empty members."""
        return [word for word in (part.strip() for part in self.text(name).split(",")) if word]

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        """Return one of `choices`, or `default`."""
        value = self.text(name, default)
        if value and value not in choices:
            raise refuse(name, f"{value!r} is not known. Use one of: {', '.join(choices)}.")
        return value

    def origins(self, name: str, *, wildcard_host: bool = False) -> list[str]:
        """Return a list of origins like `https://app.example.com`, or `https://*.example.com` too."""
        for origin in (found := self.words(name)):
            parts = urlsplit(origin)
            host = parts.netloc.removeprefix("*.") if wildcard_host else parts.netloc
            if parts.scheme not in ("http", "https") or not host or "*" in host or origin.count("/") != 2:
                raise refuse(name, f"{origin!r} is no origin. Write https://app.example.com, no path.")
        return found

    def address(self, name: str, schemes: Sequence[str]) -> str:
        """Return an address that begins with one of `schemes` and a colon, or an empty text."""
        return self.address_of(name, self.text(name), schemes) if self.text(name) else ""

    def addresses(self, name: str, schemes: Sequence[str]) -> list[str]:
        """Return a list of addresses that begin with one of `schemes` and a colon."""
        return [self.address_of(name, address, schemes) for address in self.words(name)]

    def address_of(self, name: str, value: str, schemes: Sequence[str]) -> str:
        scheme, _, rest = value.partition(":")
        if scheme not in schemes or not rest:
            wanted = " or ".join(f"{scheme}:" for scheme in schemes)
            raise refuse(name, f"{value!r} must begin with {wanted}")
        return value

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's database dictionary of an address: PostgreSQL or SQLite."""
        value = self.text(name, default)
        if urlsplit(value).scheme not in ("postgres", "postgresql", "sqlite"):
            raise refuse(name, "use postgres://USER:PASSWORD@HOST:5432/NAME, or sqlite:///PATH.")
        config: dict[str, Any] = self.db_url_config(value)
        config["HOST"] = unquote(config.get("HOST") or "")  # a Unix socket's folder is written %2Fvar%2Frun
        if not config.get("NAME"):
            raise refuse(name, "the address names no database. Use postgres://USER:PASSWORD@HOST:5432/NAME.")
        return config

    def redis(self, name: str) -> str:
        """Return the address of a Redis server, or an empty text."""
        value = self.text(name)
        if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
            raise refuse(name, "use redis://HOST:6379/0, rediss://… for TLS, or unix:///PATH.")
        return value
