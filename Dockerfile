# The fake Soniox server in a container: see "Containers" in docs/testing.md.
FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY soniox_lite soniox_lite
COPY soniox_testing soniox_testing
RUN python -m pip install --no-cache-dir ".[testing-tls]"
ENV FAKE_SONIOX_HOST=0.0.0.0 FAKE_SONIOX_PORT=8000 FAKE_SONIOX_ALLOW_HOST=soniox,localhost,127.0.0.1
USER 65534
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=2s --start-period=10s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/__fake__/state')"]
ENTRYPOINT ["python", "-m", "soniox_testing"]
