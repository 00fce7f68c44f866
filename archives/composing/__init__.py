"""From chunks to one file: the worker's side of the embedded provider's recordings."""
