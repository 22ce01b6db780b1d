# Rendered by the chart; what is secret is read from files that are not in this ConfigMap.
bind * -::*
{{- if .Values.tls.enabled }}
port 0
tls-port {{ int .Values.service.port }}
tls-cert-file /etc/redis-tls/{{ .Values.tls.certKey }}
tls-key-file /etc/redis-tls/{{ .Values.tls.privateKeyKey }}
tls-ca-cert-file /etc/redis-tls/{{ .Values.tls.caKey }}
tls-auth-clients {{ get (dict "required" "yes" "optional" "optional" "none" "no") .Values.tls.authClients }}
tls-protocols "TLSv1.2 TLSv1.3"
{{- else }}
port {{ int .Values.service.port }}
{{- end }}
protected-mode no
aclfile /run/redis/users.acl
dir /data
daemonize no
logfile ""
tcp-keepalive 60
timeout 0
maxclients {{ int .Values.maxClients }}
maxmemory {{ include "redis.maxmemory" . }}
maxmemory-policy {{ ternary "allkeys-lru" "noeviction" (eq .Values.role "cache") }}
# Large keys are freed beside the thread that answers.
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
# No snapshots: their fork costs memory, and the append-only file says more.
save ""
{{- if .Values.persistence.enabled }}
appendonly yes
appendfsync {{ ternary "no" .Values.persistence.appendfsync (eq .Values.persistence.appendfsync "never") }}
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-use-rdb-preamble yes
{{- else }}
appendonly no
{{- end }}
{{- with .Values.extraConfig }}
{{ . }}
{{- end }}
