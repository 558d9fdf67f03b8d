ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY requirements/runtime.lock requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:${PYTHON}-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY requirements/image.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/image.lock && rm /tmp/image.lock
COPY --from=wheel /wheel/*.whl /tmp/
RUN pip install --no-cache-dir --no-deps /tmp/*.whl && rm /tmp/*.whl \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin fournines \
 && install -d -o fournines -g fournines /var/lib/fournines
USER fournines
WORKDIR /var/lib/fournines
VOLUME /var/lib/fournines
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["fournines"]
CMD ["serve", "--config", "/etc/fournines/fournines.yaml"]
