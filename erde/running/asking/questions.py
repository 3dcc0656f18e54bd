"""Questions that only PyTorch or ONNX can answer, put to one short process each, and kept.

``python -m erde.running.asking.questions`` reads a question from standard input and prints the
answer as JSON, or ends with one sentence.
"""

import hashlib
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from erde_core.errors import ErdeError
from erde_core.store.files import write_text

# Of each question, who answers it: a function from its words to plain data.
ANSWERS = {
    "exits": "erde.running.asking.network_exits:answer",
    "network_fit": "erde.running.asking.network_fit:answer",
    "teacher": "erde.running.asking.teacher_facts:answer",
    "gpus": "erde.running.gpus.enough:answer",
    "step_memory": "erde.running.asking.counted_step:answer",
}


# The key of an answer that holds for this moment alone, and is not kept.
PASSING = "passing"


class Questions:
    """Asks, and remembers.

    Args:
        folder: where answers are kept; None to keep them for this process alone.
        version: of the code that answers; kept answers of another version count no longer.
    """

    def __init__(self, folder: Path | None = None, version: str = "") -> None:
        self._folder, self._version = folder, version
        self._known: dict[str, Any] = {}

    def ask(self, about: str, words: Mapping[str, object]) -> Any:  # noqa: ANN401 -- JSON
        """The answer, as plain data.

        Args:
            about: a key of :data:`ANSWERS`.
            words: plain data; all that the answer depends on.

        Raises:
            ValueError: the question has no answer; one sentence says why.
        """
        question = json.dumps({"about": about, "words": words}, sort_keys=True)
        if question not in self._known:
            self._known[question] = self._kept(question)
        return self._known[question]

    def remember(self, about: str, words: Mapping[str, object], answer: object) -> None:
        """Keep an answer that :meth:`recalled` gives back when nobody can be asked any more."""
        question = json.dumps({"recalled": about, "words": words}, sort_keys=True)
        if self.recalled(about, words) == answer:
            return
        self._known[question] = answer
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_text(self._path(question), json.dumps(answer))

    def recalled(self, about: str, words: Mapping[str, object]) -> Any:  # noqa: ANN401 -- JSON
        """What was kept under these words; None where nothing was, or by other code."""
        question = json.dumps({"recalled": about, "words": words}, sort_keys=True)
        if question not in self._known and self._folder is not None:
            try:
                self._known[question] = json.loads(self._path(question).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return None
        return self._known.get(question)

    def _path(self, question: str) -> Path:
        assert self._folder is not None
        key = hashlib.sha256(f"{self._version} {question}".encode()).hexdigest()[:32]
        return self._folder / f"{key}.json"

    def _kept(self, question: str) -> Any:  # noqa: ANN401
        if self._folder is None:
            return _answered(question)
        path = self._path(question)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # not asked yet, or damaged
            answer = _answered(question)
        if isinstance(answer, dict) and answer.get(PASSING):
            return answer
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(answer))
        return answer


def _answered(question: str) -> Any:  # noqa: ANN401
    command = [sys.executable, "-m", "erde.running.asking.questions"]
    done = subprocess.run(command, input=question, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ErdeError(done.stderr.strip().rpartition("\n")[2])
    return json.loads(done.stdout.splitlines()[-1])


def main(question: str) -> None:
    """Answer on standard output."""
    asked = json.loads(question)
    module, _, function = ANSWERS[asked["about"]].partition(":")
    try:
        answer: Callable[..., object] = getattr(importlib.import_module(module), function)
        print(json.dumps(answer(**asked["words"])))
    except ErdeError as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(f"name: must be asked of {error.name}, which is not installed here")


if __name__ == "__main__":
    main(sys.stdin.read())
