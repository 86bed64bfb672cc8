"""The most common passwords, which are not allowed."""

import re
from functools import cache
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location

COUNT = 10_000
# Other password rules, applied in lower case: only entries that fulfil them are compared.
_POSSIBLE = re.compile(r"(?=.*[a-z])(?=.*[0-9]).{8,64}")


def is_common(password: str) -> bool:
    """True if `password` is one of the most common ones, in any case."""
    return password.lower() in _common_passwords()


@cache
def _common_passwords() -> frozenset[str]:
    # Importing the package would keep its other lists and their indexes in memory: 20 MB per worker.
    path = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    spec = spec_from_file_location("_frequency_lists", str(path))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(filter(_POSSIBLE.fullmatch, module.FREQUENCY_LISTS["passwords"][:COUNT]))
