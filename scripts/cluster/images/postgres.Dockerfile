# Debian's PostgreSQL behind the part of docker.io/library/postgres' interface that charts rely on:
# POSTGRES_PASSWORD(_FILE), POSTGRES_USER, POSTGRES_DB, PGDATA, arguments passed on to the server.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN groupadd -g 999 postgres && useradd -u 999 -g 999 -d /var/lib/postgresql -s /bin/sh postgres \
 && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql-15 libnss-wrapper \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/postgresql/15 \
 && mkdir -p -m 1777 /var/lib/postgresql/data && chmod 1777 /var/run/postgresql
COPY --chmod=0755 postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
USER 999:999
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
