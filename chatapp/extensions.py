"""The Flask extensions that keep nothing of an application, as instances; the factory gives them each application.

It creates flask-smorest's `Api` and `SocketIO` for each application, since their instances are for one.
"""

from flask_cors import CORS
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy

from chatapp.core.db import ENGINE_OPTIONS, Base

cors = CORS()
db = SQLAlchemy(model_class=Base, engine_options=ENGINE_OPTIONS)
jwt = JWTManager()
