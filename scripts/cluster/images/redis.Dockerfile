# Debian's redis-server.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && mkdir -m 1777 /data
WORKDIR /data
USER 10001:10001
EXPOSE 6379
CMD ["redis-server"]
