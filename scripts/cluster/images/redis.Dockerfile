# Debian's redis-server.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
# Nothing is started while it is installed.
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
RUN apt-get update -q && apt-get install -q -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && mkdir -m 1777 /data
WORKDIR /data
USER 10001:10001
EXPOSE 6379
CMD ["redis-server"]
