"""XLReach: how far a multilingual encoder reaches into low-resource languages, and what adapting it buys."""

__version__ = "0.1.0"
