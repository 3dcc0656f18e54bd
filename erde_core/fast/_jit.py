"""How everything here is compiled: the one place that spells Numba's options.

No fastmath: -inf and NaN mean something. No cache on disk: it races when many jobs start at once.
"""

from numba import njit

options = {"nogil": True, "cache": False, "fastmath": False, "error_model": "numpy"}
serial = njit(**options)
# Where LLVM by itself would make a call, which costs a tenth of a row's time.
inlined = njit(inline="always", **options)
threaded = njit(parallel=True, **options)
