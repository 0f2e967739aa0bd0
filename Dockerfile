# syntax=docker/dockerfile:1
# Needs at run time: SLACK_BOT_TOKEN, SLACK_APP_TOKEN, REDIS_URL and the key of a platform, such as OPENAI_API_KEY.

FROM python:3.13-slim AS builder
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev
# matplotlib looks for fonts at its first import, which takes seconds: do it here
RUN MPLCONFIGDIR=.matplotlib .venv/bin/python -c "import matplotlib.font_manager"

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home proctor && install -d -o proctor -g proctor /data
WORKDIR /app
COPY --from=builder /app/.venv .venv
COPY --from=builder --chown=proctor:proctor /app/.matplotlib .matplotlib
COPY bin bin
COPY bot bot
COPY handlers handlers
COPY jobs jobs
COPY charts charts
COPY tasks tasks
ENV PATH=/app/.venv/bin:$PATH MPLCONFIGDIR=/app/.matplotlib PYTHONUNBUFFERED=1 \
    PROCTOR_HOME=/data PROCTOR_TASKS=/app/tasks HEALTH_PORT=8081
USER 10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-m", "bot", "health"]
CMD ["python", "-m", "bot"]
