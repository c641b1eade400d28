"""The version of this package: what the build and saved results say."""

__version__ = "0.1.0"
