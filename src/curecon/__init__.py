"""curecon proves an AWS AI bill right or wrong."""

__version__ = "0.1.0"
