# GPU (torch's default Linux build carries CUDA):   docker build -t creditline .
# CPU only, much smaller:                           docker build --build-arg TORCH_INDEX=ADDRESS -t creditline .
#   ADDRESS: the package index PyTorch's "Get Started" page names for CPU builds.
# Run: docker run -p 7860:7860 -v creditline:/data creditline      (GPU: add --gpus all)
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

RUN useradd --create-home --uid 1000 creditline \
 && install -d -o creditline -g creditline /srv/creditline /data
WORKDIR /srv/creditline

COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY core core
COPY migrations migrations
COPY assets assets
RUN if [ -n "$TORCH_INDEX" ]; then pip install -c constraints.txt --index-url "$TORCH_INDEX" torch; fi \
 && pip install -c constraints.txt -e .

USER creditline
ENV HOME=/home/creditline CREDITLINE_HOME=/data CREDITLINE_HOST=0.0.0.0 CREDITLINE_PORT=7860 CREDITLINE_OPEN=0
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['CREDITLINE_PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "app", "serve"]
