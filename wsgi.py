"""What a WSGI server runs: `gunicorn wsgi:app`. Everything is made cooperative before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import sys  # noqa: E402

# Nearly all objects made from here on are kept: looking for garbage among them would take a sixth of the start.
gc.disable()

from config import ConfigError, load  # noqa: E402

try:
    # Before gunicorn, which the application imports, reads WEB_CONCURRENCY and fails with a traceback.
    settings = load()
except ConfigError as error:
    sys.exit(f"error: The environment can't be served with:\n{error}")

from chatapp import create_app  # noqa: E402
from chatapp.core.db import make_cooperative  # noqa: E402
from chatapp.core.memory import return_large_blocks  # noqa: E402

make_cooperative()
return_large_blocks()
try:
    app = create_app(settings)
except OSError as error:
    sys.exit(f"error: The environment can't be served with:\nUPLOAD_PATH can't be used: {error}.")
# Without a collection, which would take 0.1 s and find one object in twenty.
gc.freeze()
gc.enable()
