"""A self-hosted chat server: REST and Socket.IO transports over the same actions, PostgreSQL as the source of truth."""

import sys
from collections.abc import Sequence

from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

from chatapp.cli import Commands
from chatapp.compat.socketio import SocketRegistry
from chatapp.core import application, db, events, jobs, logs, outbox, settings
from chatapp.core import limits as rate_limits
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.redis_limits import SHARE_SECONDS
from chatapp.core.settings import Settings
from chatapp.extensions import cors, jwt
from chatapp.extensions import db as sqlalchemy
from chatapp.fanout import broadcast
from chatapp.fanout.bus import BEAT_SECONDS, Bus
from chatapp.fanout.bus_listener import BusListener
from chatapp.fanout.recovery import Replay
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.feature import merged
from chatapp.features import (
    admin,
    app_tokens,
    audit,
    auth,
    avatars,
    blocks,
    capabilities,
    chat_states,
    chats,
    drafts,
    edit_history,
    erasure,
    files,
    forwarding,
    history,
    keys,
    messages,
    my_settings,
    operations,
    own_state,
    passwords,
    pins,
    presence,
    reactions,
    reports,
    search,
    server_chats,
    server_users,
    sessions,
    signals,
    users,
)
from chatapp.features.app_tokens.verifier import AppTokens
from chatapp.features.auth import access_tokens
from chatapp.features.capabilities.queries import declare
from chatapp.features.chats.queries import rooms_of
from chatapp.features.files import quota, storage
from chatapp.features.keys.acting import actors_now
from chatapp.features.keys.sockets import KeySockets
from chatapp.features.keys.verification import keys as keys_of_servers
from chatapp.features.keys.verifier import KeysAndTokens
from chatapp.features.messages import recovery
from chatapp.features.presence.queries import others_have_redis
from chatapp.features.presence.split import CHECK_SECONDS, SplitDetector
from chatapp.features.presence.tracker import PresenceTracker
from chatapp.features.sessions.cache import sessions as session_cache
from chatapp.features.sessions.queries import find_actors
from chatapp.rest import access, bearer, docs, headers, health, limits, metrics, problems
from chatapp.rest.app import App, allow_origins
from chatapp.rest.origins import Origins
from chatapp.rest.resource import reject_large_bodies
from chatapp.server.background import Background
from chatapp.server.garbage import Garbage
from chatapp.sockets import asyncapi, server_events
from chatapp.sockets.gateway import Gateway
from chatapp.sockets.isolation import ISOLATION_CHECK_SECONDS, Isolation
from chatapp.sockets.packets import MAX_PAYLOAD, PacketJson
from chatapp.sockets.unauthenticated import UnauthenticatedClients
from chatapp.web import client_page, errors_page, events_page

FEATURES = (
    auth.feature,
    sessions.feature,
    passwords.feature,
    app_tokens.feature,
    users.feature,
    chats.feature,
    own_state.feature,
    my_settings.feature,
    blocks.feature,
    presence.feature,
    messages.feature,
    reactions.feature,
    pins.feature,
    edit_history.feature,
    forwarding.feature,
    chat_states.feature,
    drafts.feature,
    files.feature,
    history.feature,
    search.feature,
    reports.feature,
    signals.feature,
    server_chats.feature,
    keys.feature,
    capabilities.feature,
    admin.feature,
    audit.feature,
    operations.feature,
    server_users.feature,
    erasure.feature,
    avatars.feature,
)
CLIENT_EVENTS = tuple(event for feature in FEATURES for event in feature.client_events)
SERVER_EVENTS = (*(event for feature in FEATURES for event in feature.server_events), *server_events.OWN_EVENTS)


def _actors_now(actors: Sequence[Actor]) -> list[Actor | None]:
    """Actors of sessions and keys as the database has them now."""
    of_sessions = [actor for actor in actors if not actor.acting]
    of_keys = [actor for actor in actors if actor.acting]
    sessions = iter(find_actors([actor.session_id for actor in of_sessions]))
    keys = iter(actors_now(of_keys) if of_keys else ())
    return [next(keys if actor.acting else sessions) for actor in actors]


def _connect_workers(config: Settings, worker_id: str, background: Background) -> Bus | None:
    """Set the subscribers of all features, and connect this worker to the others over the bus, if there is Redis."""
    subscribers = merged(feature.subscribers for feature in FEATURES)
    committed = merged(feature.commit_subscribers for feature in FEATURES)
    replay = Replay(rooms(), view(), recovery.source(_actors_now))
    listener = BusListener(view(), replay, subscribers)
    bus = None
    if config.redis_url:
        order = rooms().order
        bus = Bus(config.redis_url, worker_id, events.receive, listener.on_state, replay.request, order, replay.compare)
        rooms().wait_for_events = bus.chats.wait
    rooms().order.fill_gap, rooms().order.on_overflow = replay.fill_gap, replay.request
    events.subscribe(subscribers, bus.share if bus else None, rooms().has_subscribers, committed)
    if bus:
        listener.on_state(False)
        background.every(0.25, bus.read)
        background.every(BEAT_SECONDS, bus.beat)
    return bus


def create_app(config: Settings) -> Flask:
    """Create the application for `config`; connections open with the first request that needs them.

    A process can have several, which share nothing but its metrics, its log configuration and its threads.
    """
    created = application.Application()
    app = created.run(_compose, config)
    application.use_by_default(created)
    return app


def _compose(config: Settings) -> Flask:
    settings.configure(config)
    logs.configure(config.log_level)
    app = App("chatapp", instance_path=str(config.instance_path), static_folder=None)

    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = db.engine_options(config)
    sqlalchemy.init_app(app)
    with app.app_context():
        database = db.bind(sqlalchemy.engine, config)
    storage.bind(config)
    background = app.extensions["background"] = Background()
    checks = app.extensions["checks"] = {"database": health.check_database}
    app.extensions["has_bus"] = config.redis_url is not None
    app.extensions["max_body"] = config.max_upload_bytes + config.max_body_bytes
    worker_id = new_id()
    quota.worker.set(worker_id)
    bus = _connect_workers(config, worker_id, background)
    if bus:
        checks["queue"] = bus.check

    access.install(app)
    allow_origins(app, cors, expose_headers=docs.EXPOSED, max_age=600)
    jwt.init_app(app)
    access_tokens.configure(app, config)
    tokens = KeysAndTokens(keys_of_servers(), AppTokens(session_cache().find_actor, session_cache().use))
    bearer.install(app, config, tokens)
    limits.install(app, config)
    app.before_request(reject_large_bodies)
    api = docs.install(app, config)
    # After the docs: flask-smorest would send errors in its own format.
    problems.install(app)
    for feature in FEATURES:
        for resource in feature.resources:
            api.register_blueprint(resource.blueprint)
    declared_limits = {name: value for feature in FEATURES for name, value in feature.limits.items()}
    names = [name for feature in FEATURES if feature.is_on(config) for name in feature.capabilities]
    declare(names, declared_limits)
    app.cli = Commands(app)
    split = SplitDetector(worker_id, bus.peers if bus else frozenset)
    app.register_blueprint(health.blueprint(checks, {"split_brain": lambda: split.is_split}))

    socketio = SocketIO(
        app,
        async_mode="gevent",
        json=PacketJson,
        cors_allowed_origins="*",  # `headers.guard` has refused the origins that may not call.
        async_handlers=False,
        monitor_clients=False,
        max_http_buffer_size=MAX_PAYLOAD,
        client_manager=SocketRegistry(),
    )
    tracker = PresenceTracker(
        config.max_sockets if config.ratelimit_enabled else sys.maxsize,
        worker_id,
        lambda: bus.connected if bus else None,
    )
    max_per_key = config.max_sockets_per_key if config.ratelimit_enabled else sys.maxsize
    key_sockets = KeySockets(worker_id, max_per_key, tracker)
    gateway = Gateway(app, socketio, CLIENT_EVENTS, tokens, rooms_of, key_sockets)
    server_events.expect_events(SERVER_EVENTS)
    broadcast.encode_with(server_events.encode)
    app.register_blueprint(events_page.blueprint(lambda: asyncapi.document(gateway.events, SERVER_EVENTS, config)))
    app.register_blueprint(errors_page.blueprint(api.document))
    app.register_blueprint(
        client_page.blueprint(
            config.web_path,
            storage.sources(),
            app_name=config.app_name,
            logo_url=config.app_logo_url,
            accent=config.app_accent,
            avatar_hosts=config.avatar_hosts,
            developer_links=config.web_developer_links,
        )
    )
    metrics.install(app, config, database)
    isolation = Isolation(lambda: bus.seconds_disconnected if bus else 0.0, lambda: others_have_redis(worker_id))
    bounded = app.extensions["unauthenticated"] = UnauthenticatedClients(isolation.guard(app.wsgi_app), config, tokens)
    guarded = headers.guard(bounded, Origins(config.cors_origins, config.trusted_proxies))
    # In front of sockets too.
    app.wsgi_app = ProxyFix(guarded, x_for=config.trusted_proxies, x_proto=config.trusted_proxies)  # type: ignore[method-assign]
    garbage = app.extensions["garbage"] = Garbage()
    background.every(1.0, garbage.collect)
    background.every(1.0, metrics.write)
    background.every(0.0, metrics.watch_loop)
    background.every(1.0, rate_limits.forget)
    background.every(SHARE_SECONDS, rate_limits.share)
    background.every(1.0, gateway.sweep)
    # In small portions: a ping is a system call.
    background.every(0.2, gateway.heartbeat.beat)
    background.every(4.0, tracker.renew)
    background.every(0.2, tracker.announce)
    background.every(1.0, key_sockets.write)
    background.every(CHECK_SECONDS, split.check)
    if bus:
        background.every(ISOLATION_CHECK_SECONDS, isolation.check)
    for feature in FEATURES:
        for seconds, task in feature.tasks:
            background.every(seconds, task)
        for task in feature.last_tasks:
            background.at_end(task)
    for seconds, task in outbox.subscribe([once for feature in FEATURES for once in feature.once_subscribers]):
        background.every(seconds, task)
    jobs.register([jobs.PRUNE_JOBS, *(job for feature in FEATURES for job in feature.jobs)])
    background.every(jobs.POLL_SECONDS, jobs.run_due)
    return app
