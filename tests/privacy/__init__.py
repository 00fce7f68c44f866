"""A person is exported and erased, and old meetings are purged."""
