"""`/auth/token`: users of this Django project sign in for a token pair."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from meetings.api import schema
from meetings.api.base import ApiViewSet
from meetings.api.bodies import read_body
from meetings.api.errors import ApiError
from meetings.api.serializers import CredentialsBody, RefreshBody

TOO_MANY = "Too many failed attempts. Try again later."


class TokenViewSet(ApiViewSet):
    """Token pairs of Django users. Failed attempts count against whatever login throttle the host has installed."""

    permissions: ClassVar[dict[str, Any]] = {"obtain": AllowAny, "refresh": AllowAny}

    @schema.obtain_token
    def obtain(self, request: Request) -> Response:
        values = read_body(request, CredentialsBody).values()
        serializer = TokenObtainPairSerializer(
            data={
                TokenObtainPairSerializer.username_field: values["username"],
                "password": values["password"],
            },
            context={"request": request._request},
        )
        try:
            serializer.is_valid(raise_exception=True)
        except (AuthenticationFailed, ValidationError) as error:
            if getattr(request._request, "axes_locked_out", False):
                raise ApiError(429, "too_many_attempts", TOO_MANY, headers={"Retry-After": "60"}) from error
            raise AuthenticationFailed("The username or the password is wrong.", code="credentials_invalid") from error
        return Response(serializer.validated_data, headers={"Cache-Control": "no-store"})

    @schema.refresh_token
    def refresh(self, request: Request) -> Response:
        values = read_body(request, RefreshBody).values()
        serializer = TokenRefreshSerializer(data=values)
        try:
            # The serializer alone asks neither whether the user is still there nor whether the password has changed.
            JWTAuthentication().get_user(RefreshToken(values["refresh"]))
            serializer.is_valid(raise_exception=True)
        except (TokenError, AuthenticationFailed, ValidationError) as error:
            raise AuthenticationFailed(
                "The refresh token is not valid or has expired.", code="token_invalid"
            ) from error
        return Response(serializer.validated_data, headers={"Cache-Control": "no-store"})
