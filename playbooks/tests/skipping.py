"""Why a case did not run."""


class NotRun(Exception):
    """The text says what is missing."""
