# Valkey's server out of a wheel; Debian's redis-cli speaks its protocol.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends redis-tools && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s redis-cli /usr/bin/valkey-cli && mkdir -m 1777 /data
COPY valkey-server /usr/bin/valkey-server
WORKDIR /data
USER 10001:10001
EXPOSE 6379
CMD ["valkey-server"]
