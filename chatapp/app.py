"""A self-hosted chat server: REST and Socket.IO transports over the same actions, PostgreSQL as the source of truth."""

import sys

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from chatapp.cli import Commands
from chatapp.core import db, events, jobs, logs, outbox, settings
from chatapp.core.ids import new_id
from chatapp.core.settings import Settings
from chatapp.extensions import api, cors, jwt, socketio
from chatapp.extensions import db as sqlalchemy
from chatapp.fanout import broadcast
from chatapp.fanout.bus import BEAT_SECONDS, Bus
from chatapp.fanout.rooms import rooms
from chatapp.feature import subscribers_of
from chatapp.features import admin, auth, chats, files, messages, presence, users
from chatapp.features.auth import access_tokens
from chatapp.features.auth.sessions import sessions
from chatapp.features.chats.queries import rooms_of
from chatapp.features.files import quota, storage
from chatapp.features.presence.queries import others_have_redis
from chatapp.features.presence.split import CHECK_SECONDS, SplitDetector
from chatapp.features.presence.tracker import PresenceTracker
from chatapp.replay import BusListener, Replay
from chatapp.rest import access, bearer, docs, headers, health, limits, metrics, problems
from chatapp.rest.app import App, allow_origins
from chatapp.rest.origins import Origins
from chatapp.rest.resource import reject_large_bodies
from chatapp.server.background import Background
from chatapp.sockets import asyncapi, server_events
from chatapp.sockets.gateway import Gateway
from chatapp.sockets.isolation import ISOLATION_CHECK_SECONDS, Isolation
from chatapp.sockets.packets import MAX_PAYLOAD, PacketJson
from chatapp.sockets.session import Session
from chatapp.sockets.unauthenticated import UnauthenticatedClients
from chatapp.web import client_page, errors_page, events_page

FEATURES = (
    auth.feature,
    users.feature,
    chats.feature,
    presence.feature,
    messages.feature,
    files.feature,
    admin.feature,
)
CLIENT_EVENTS = tuple(event for feature in FEATURES for event in feature.client_events)
SERVER_EVENTS = (*(event for feature in FEATURES for event in feature.server_events), *server_events.OWN_EVENTS)


def _connect_workers(config: Settings, worker_id: str, background: Background) -> Bus | None:
    """Set the subscribers of all features, and connect this worker to the others over the bus, if there is Redis."""
    subscribers = subscribers_of(FEATURES)
    replay = Replay()
    listener = BusListener(replay, subscribers)
    bus = None
    if config.redis_url:
        bus = Bus(config.redis_url, worker_id, events.receive, listener.on_state, replay.request)
    rooms.order.fill_gap, rooms.order.on_overflow = replay.fill_gap, replay.request
    events.subscribe(subscribers, bus.share if bus else None, rooms.has_subscribers)
    if bus:
        listener.on_state(False)
        background.every(0.25, bus.read)
        background.every(BEAT_SECONDS, bus.beat)
    return bus


def create_app(config: Settings) -> Flask:
    """Create the application for `config`; connections open with the first request that needs them."""
    settings.configure(config)
    logs.configure(config.log_level)
    app = App("chatapp", instance_path=str(config.instance_path), static_folder=None)

    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = db.engine_options(config)
    sqlalchemy.init_app(app)
    with app.app_context():
        db.bind(sqlalchemy.engine)
    storage.bind(config)
    background = app.extensions["background"] = Background()
    checks = app.extensions["checks"] = {"database": health.check_database}
    app.extensions["has_bus"] = config.redis_url is not None
    app.extensions["max_body"] = config.max_upload_bytes + config.max_body_bytes
    worker_id = new_id()
    quota.bind(worker_id)
    bus = _connect_workers(config, worker_id, background)
    if bus:
        checks["queue"] = bus.check

    access.install(app)
    allow_origins(app, cors, expose_headers=docs.EXPOSED, max_age=600)
    jwt.init_app(app)
    access_tokens.configure(app, config)
    tokens = access_tokens.AccessTokens(sessions.find_actor)
    bearer.install(app, config, tokens)
    limits.install(app, config)
    app.before_request(reject_large_bodies)
    docs.install(app, config)
    # After the docs: flask-smorest would send errors in its own format.
    problems.install(app)
    for feature in FEATURES:
        for resource in feature.resources:
            api.register_blueprint(resource.blueprint)
    app.cli = Commands(app)
    split = SplitDetector(worker_id, bus.peers if bus else frozenset)
    app.register_blueprint(health.blueprint(checks, {"split_brain": lambda: split.is_split}))

    socketio.init_app(
        app,
        json=PacketJson,
        cors_allowed_origins="*",  # `headers.guard` has refused the origins that may not call.
        async_handlers=False,
        monitor_clients=False,
        max_http_buffer_size=MAX_PAYLOAD,
    )
    tracker = PresenceTracker(
        config.max_sockets if config.ratelimit_enabled else sys.maxsize,
        worker_id,
        lambda: bus.connected if bus else None,
    )
    gateway = Gateway(app, socketio, CLIENT_EVENTS, tokens, rooms_of, tracker)
    server_events.expect_events(SERVER_EVENTS)
    broadcast.encode_with(server_events.encode)
    app.register_blueprint(events_page.blueprint(asyncapi.document(gateway.events, SERVER_EVENTS, config)))
    app.register_blueprint(errors_page.blueprint(api.spec.to_dict))
    app.register_blueprint(
        client_page.blueprint(
            config.web_path,
            storage.sources(),
            app_name=config.app_name,
            developer_links=config.web_developer_links,
        )
    )
    metrics.install(app, config)
    isolation = Isolation(lambda: bus.seconds_disconnected if bus else 0.0, lambda: others_have_redis(worker_id))
    bounded = app.extensions["unauthenticated"] = UnauthenticatedClients(isolation.guard(app.wsgi_app), config, tokens)
    guarded = headers.guard(bounded, Origins(config.cors_origins, config.trusted_proxies))
    # In front of sockets too.
    app.wsgi_app = ProxyFix(guarded, x_for=config.trusted_proxies, x_proto=config.trusted_proxies)  # type: ignore[method-assign]
    background.every(1.0, metrics.write)
    background.every(0.0, metrics.watch_loop)
    background.every(1.0, gateway.sweep)
    background.every(1.0, Session.heartbeat)
    background.every(4.0, tracker.renew)
    background.every(0.2, tracker.announce)
    background.every(CHECK_SECONDS, split.check)
    if bus:
        background.every(ISOLATION_CHECK_SECONDS, isolation.check)
    for feature in FEATURES:
        for seconds, task in feature.tasks:
            background.every(seconds, task)
    for seconds, task in outbox.subscribe([once for feature in FEATURES for once in feature.once_subscribers]):
        background.every(seconds, task)
    jobs.register([jobs.PRUNE_JOBS, *(job for feature in FEATURES for job in feature.jobs)])
    background.every(jobs.POLL_SECONDS, jobs.run_due)
    return app
