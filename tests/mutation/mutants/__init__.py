"""The mutations: small mistakes, each of which some quick test must notice.

``MUTANTS``: file → entries (old text, new text); the old text occurs exactly once in its file.
``TESTS``: file → the tests that must notice, as arguments of pytest.
"""

from . import reference, twins

TESTS = reference.TESTS | twins.TESTS
MUTANTS = reference.MUTANTS | twins.MUTANTS
