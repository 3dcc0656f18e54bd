"""The base class of all errors that speak to a user."""


class ErdeError(ValueError):
    """Something that the user can set right; the message is one sentence that says what.

    A job or a command that ends with it prints the sentence alone; any other error is a mistake of
    the program, and its traceback is kept. What a deployment carries along (``ImageError``,
    ``ManifestError``, the errors of ``run.py``) works without this package, and derives from
    ``ValueError`` alone.
    """
