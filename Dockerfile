# The chat server: `docker build -t chat-server .`; compose.yaml runs it with all that it needs.

FROM node:22-bookworm-slim AS web
WORKDIR /build/clients
COPY clients ./
WORKDIR /build/clients/web
RUN if [ -f package.json ]; then npm ci --no-audit --no-fund && npm run build; else mkdir dist; fi

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
# One image for servers with a disk and for servers with a bucket.
COPY requirements.txt requirements-s3.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        -r requirements.txt -r requirements-s3.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home chat
WORKDIR /srv/chat-server
COPY --from=packages /opt/venv /opt/venv
COPY --from=web /build/clients/web/dist clients/web/dist
COPY config.py gunicorn.conf.py wsgi.py ./
COPY migrations migrations
COPY chatapp chatapp
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production \
    HOST=0.0.0.0 \
    INSTANCE_PATH=/data/instance \
    UPLOAD_PATH=/data/uploads
RUN python -m compileall -q /srv/chat-server \
    && mkdir -p /data/instance /data/uploads \
    && chown -R 10001 /data
USER 10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', 3000)}/healthz\", timeout=2)"]
CMD ["gunicorn", "wsgi:app"]
