# Debian's Prometheus, promtool included.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
# Nothing is started while it is installed.
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER 65534:65534
EXPOSE 9090
ENTRYPOINT ["/usr/bin/prometheus"]
