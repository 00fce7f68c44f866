from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # the library is untyped
    """Static files under names that carry their hash, the imports inside ES modules included."""

    support_js_module_import_aggregation = True
