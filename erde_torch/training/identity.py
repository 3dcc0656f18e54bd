"""What the result of a computation depends on, part by part, and one hash of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from erde_core.errors import ErdeError
from erde_core.store.differences import differences


@dataclass(frozen=True)
class Identity:
    """Everything that a result depends on, as JSON with sorted keys.

    Attributes:
        text: an object; :meth:`of` makes it.
    """

    text: str

    @classmethod
    def of(cls, parts: Mapping[str, object]) -> "Identity":
        """From plain data (JSON values)."""
        return cls(json.dumps(parts, sort_keys=True))

    @property
    def hash(self) -> str:
        """SHA-256, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def parts(self) -> dict[str, Any]:
        """The plain data.

        Raises:
            ValueError: ``text`` is no JSON object.
        """
        try:
            found = json.loads(self.text)
        except RecursionError as error:
            raise ErdeError("an identity must be a JSON object, got one without end") from error
        if not isinstance(found, dict):
            raise ErdeError(f"an identity must be a JSON object, got {type(found).__name__}")
        return found

    def changes(self, new: "Identity") -> str:
        """``"train.epochs: 30 → 40; …"``: what is another in ``new``."""
        return "; ".join(differences(self.parts(), new.parts()))
