"""The Flask extensions, as instances only; the factory gives them an application."""

from flask_cors import CORS
from flask_jwt_extended import JWTManager
from flask_migrate import Migrate
from flask_smorest import Api
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy

from chatapp.core.db import ENGINE_OPTIONS, Base

api = Api()
cors = CORS()
db = SQLAlchemy(model_class=Base, engine_options=ENGINE_OPTIONS)
jwt = JWTManager()
migrate = Migrate(compare_type=True)
socketio = SocketIO(async_mode="gevent")
