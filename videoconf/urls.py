from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from videoconf import errors
from videoconf.views import LandingView, favicon

urlpatterns = [
    path("", include("meetings.urls")),
    path("", include("archives.urls")),
    path("", LandingView.as_view(), name="landing"),
    path("favicon.ico", favicon),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    # The last word on an unknown path, also with DEBUG: a client's mistyped path reads the same everywhere.
    re_path("", errors.not_found),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
