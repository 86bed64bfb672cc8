"""A server of the code as it is but for lines that a test adds, such as a time-out that is shorter than in production."""

from pathlib import Path
from typing import Any

from tests.server import ROOT, Server


class EditedServer(Server):
    """A server whose workers run `lines` once the application is loaded; `wsgi` is the file, to be edited further."""

    def __init__(self, database_url: str, folder: Path, lines: str = "", **changes: Any) -> None:
        super().__init__(database_url, folder, **changes)
        self.root = folder / f"code-{self.port}"
        self.root.mkdir()
        for name in ("chatapp", "config.py", "gunicorn.conf.py", "migrations"):
            (self.root / name).symlink_to(ROOT / name)
        self.wsgi = self.root / "wsgi.py"
        self.wsgi.write_text(f"{(ROOT / 'wsgi.py').read_text()}\n{lines}\n")
