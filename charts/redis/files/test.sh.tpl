#!/bin/sh
# `helm test`: the server asks for a password where it should, keeps what it is given, and runs with the settings it was given.
set -eu
cli() { {{ .Values.engine }}-cli -h {{ include "redis.fullname" . }} -p {{ int .Values.service.port }}{{ include "redis.cliTls" . }} "$@"; }
expect() { [ "$2" = "$3" ] || { echo "$1: expected '$2', got '$3'"; exit 1; }; echo "$1: $3"; }

{{- if .Values.auth.enabled }}
refused=$(cli ping 2>&1 || true)
case "$refused" in *NOAUTH*) echo "without a password: refused" ;; *) echo "without a password: $refused"; exit 1 ;; esac
{{- end }}
{{- if and .Values.auth.enabled (not .Values.auth.passwordKey) }}
echo "only the refusal is tested: auth.passwordKey is empty"
{{- else }}
{{- if .Values.auth.enabled }}
REDISCLI_AUTH=$(cat /etc/redis-auth/{{ .Values.auth.passwordKey }})
export REDISCLI_AUTH
{{- end }}
expect "ping" PONG "$(cli ping)"
expect "set" OK "$(cli set scaleproof:helm-test kept EX 60)"
expect "get" kept "$(cli get scaleproof:helm-test)"
expect "maxmemory" {{ include "redis.maxmemory" . }} "$(cli config get maxmemory | tail -n 1)"
expect "maxmemory-policy" {{ ternary "allkeys-lru" "noeviction" (eq .Values.role "cache") }} "$(cli config get maxmemory-policy | tail -n 1)"
expect "appendonly" {{ ternary "yes" "no" .Values.persistence.enabled }} "$(cli config get appendonly | tail -n 1)"
{{- end }}
