"""Our sentences without Snakemake's words around them: rule, file, line, wildcards, traceback."""

import logging


class PlainErrors(logging.Filter):
    """A filter of Snakemake's logger: an error that holds a sentence of ours becomes that."""

    def __init__(self) -> None:
        super().__init__()
        self._sentences: list[str] = []

    def add(self, sentence: str) -> None:
        """From now on this sentence stands alone."""
        self._sentences.append(sentence)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its text exchanged where it is one of ours."""
        if record.levelno >= logging.ERROR:
            text = record.getMessage()
            for sentence in self._sentences:
                if sentence in text:
                    record.msg, record.args = f"Error: {sentence}", ()
        return True
