"""The Flask extensions, as instances only; the factory gives them an application."""

from flask import g
from flask_cors import CORS
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_smorest import Api
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy

from chatapp.core.db import ENGINE_OPTIONS, Base

api = Api()
cors = CORS()
db = SQLAlchemy(model_class=Base, engine_options=ENGINE_OPTIONS)
jwt = JWTManager()
limiter = Limiter(
    # rest/bearer.py sets the caller before anything is counted; rest/limits.py counts and writes the headers.
    key_func=lambda: str(g.caller),
    strategy="moving-window",
    storage_uri="chatapp://",
)
socketio = SocketIO(async_mode="gevent")
