# Debian's PostgreSQL behind the part of docker.io/library/postgres' interface that charts rely on:
# POSTGRES_PASSWORD(_FILE), POSTGRES_USER, POSTGRES_DB, PGDATA, arguments passed on to the server.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
# Nothing is started, and no database made, while it is installed; links to manual pages want folders that the base leaves out.
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
RUN groupadd -g 999 postgres && useradd -u 999 -g 999 -d /var/lib/postgresql -s /bin/sh postgres \
 && mkdir -p /usr/share/man/man1 /usr/share/man/man7 && export DEBIAN_FRONTEND=noninteractive && apt-get update -q && apt-get install -q -y --no-install-recommends postgresql-common libnss-wrapper \
 && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && apt-get install -q -y --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/postgresql/15 \
 && mkdir -p -m 1777 /var/lib/postgresql/data && chmod 1777 /var/run/postgresql
COPY --chmod=0755 postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
USER 999:999
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
