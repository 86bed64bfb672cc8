"""Processes that only watch others import nothing of the application."""

import subprocess
import sys

import pytest

from tests.server import ROOT

HEAVY = ("PIL", "boto3", "engineio", "flask", "psycopg2", "redis", "socketio", "sqlalchemy", "werkzeug")
CODE = "import runpy, sys; {}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize("do", ["runpy.run_path('gunicorn.conf.py')", "import chatapp.launcher.__main__"])
def test_supervisors_do_not_import_the_application(do: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(do)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(set(done.stdout.split()) & set(HEAVY)) == []
