"""The gunicorn worker: connections and their transfer between workers, websocket frames, background tasks."""
