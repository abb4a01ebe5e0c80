# syntax=docker/dockerfile:1
# Both commands, engagement-stream and engagement-jobs, with what they need to run and nothing else.
FROM python:3.13-slim AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock requirements-image.lock ./
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes -r requirements.lock \
 && python -m venv --without-pip /opt/engagement \
 && /opt/tools/bin/pip --python /opt/engagement/bin/python install --require-hashes -r requirements-image.lock
COPY . .
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/tools/bin/pip --python /opt/engagement/bin/python install --no-deps /wheel/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home engagement \
 && install --directory --owner=engagement /var/lib/engagement
COPY --from=build /opt/engagement /opt/engagement
COPY deploy/daily-at /usr/local/bin/daily-at
ENV PATH=/opt/engagement/bin:$PATH PYTHONUNBUFFERED=1
USER engagement
CMD ["engagement-stream", "run"]
