"""What importing the core brings along."""

import subprocess
import sys

import erde_core
from erde_core import fast


def test_the_core_imports_neither_torch_nor_numba():
    code = (
        "import sys, erde_core, erde_core.views, erde_core.store.dataset;"
        "print([m for m in ('torch', 'numba', 'erde_torch', 'erde_core.fast') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names():
    for name in erde_core.__all__:
        assert getattr(erde_core, name).__doc__ or name == "METHODS"
    twins = set(fast.__all__)
    assert twins <= set(erde_core.__all__)
