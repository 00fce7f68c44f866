"""The runnable project: an example host of the `meetings` and `archives` apps."""

__version__ = "0.1.0"
