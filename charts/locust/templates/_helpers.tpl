{{- define "locust.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "locust.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "locust.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "locust.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "locust.selectorLabels" -}}
app.kubernetes.io/name: {{ include "locust.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "locust.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "locust.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "locust.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "locust.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image by its parts: registry/repository:tag@digest. */}}
{{- define "locust.image" -}}
{{- $image := .Values.image -}}
{{- if and (eq .Values.mode "standby") (eq $image.repository "locustio/locust") -}}
{{- fail "mode standby needs an image with scaleproof installed: set image.repository, image.tag and image.digest" -}}
{{- end -}}
{{- $name := ternary (printf "%s/%s" $image.registry $image.repository) $image.repository (ne $image.registry "") -}}
{{- with $image.tag }}{{ $name = printf "%s:%s" $name . }}{{ end -}}
{{- with $image.digest }}{{ $name = printf "%s@%s" $name . }}{{ end -}}
{{- $name -}}
{{- end }}

{{- define "locust.locustfilesName" -}}
{{- .Values.locustfiles.existingConfigMap | default (printf "%s-locustfiles" (include "locust.fullname" .)) -}}
{{- end }}

{{/* What both commands of the mode `web` begin with. */}}
{{- define "locust.files" -}}
/locust/{{ .Values.locustfiles.main }}{{ if .Values.exporter.enabled }},/exporter/exporter.py{{ end }}
{{- end }}

{{- define "locust.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ int64 .Values.podSecurity.runAsUser }}
runAsGroup: {{ int64 .Values.podSecurity.runAsGroup }}
fsGroup: {{ int64 .Values.podSecurity.runAsGroup }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "locust.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: {{ int64 .Values.podSecurity.runAsUser }}
runAsGroup: {{ int64 .Values.podSecurity.runAsGroup }}
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The pod template of master and workers. Takes root, component, resources, command. */}}
{{- define "locust.podTemplate" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "locust.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if eq $values.mode "web" }}
    checksum/files: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    {{- end }}
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "locust.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "locust.podSecurityContext" $root | nindent 4 }}
  containers:
    - name: locust
      image: {{ include "locust.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command:
        {{- toYaml .command | nindent 8 }}
      env:
        # The root file system is read-only.
        - {name: HOME, value: /tmp}
        - {name: PYTHONUNBUFFERED, value: "1"}
        - {name: PYTHONDONTWRITEBYTECODE, value: "1"}
        {{- if $values.exporter.enabled }}
        - {name: EXPORTER_PORT, value: {{ int $values.exporter.port | quote }}}
        {{- end }}
        {{- range $name, $value := $values.environment }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      {{- with $values.environmentFromSecrets }}
      envFrom:
        {{- range . }}
        - secretRef: {name: {{ . }}}
        {{- end }}
      {{- end }}
      {{- if or $values.exporter.enabled (and (eq .component "master") (eq $values.mode "web")) }}
      ports:
        {{- if $values.exporter.enabled }}
        - {name: metrics, containerPort: {{ int $values.exporter.port }}, protocol: TCP}
        {{- end }}
        {{- if eq .component "master" }}
        - {name: workers, containerPort: 5557, protocol: TCP}
        {{- if eq $values.mode "web" }}
        - {name: web, containerPort: 8089, protocol: TCP}
        {{- end }}
        {{- end }}
      {{- end }}
      {{- if $values.exporter.enabled }}
      # Readiness only: a generator that is busy must not be killed for being slow to answer. One that ends is started again.
      readinessProbe:
        {{- if eq $values.mode "standby" }}
        tcpSocket: {port: metrics}
        {{- else }}
        httpGet: {path: /healthz, port: metrics}
        {{- end }}
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 6
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        {{- include "locust.containerSecurityContext" $root | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if eq $values.mode "web" }}
        - {name: locustfiles, mountPath: /locust, readOnly: true}
        {{- if $values.exporter.enabled }}
        - {name: exporter, mountPath: /exporter, readOnly: true}
        {{- end }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    {{- if eq $values.mode "web" }}
    - name: locustfiles
      configMap:
        name: {{ include "locust.locustfilesName" $root }}
        {{- if and (not $values.locustfiles.existingConfigMap) $values.locustfiles.files }}
        items:
          {{- range $path, $text := $values.locustfiles.files }}
          - {key: {{ $path | replace "/" "__" }}, path: {{ $path }}}
          {{- end }}
        {{- end }}
    {{- if $values.exporter.enabled }}
    - name: exporter
      configMap: {name: {{ include "locust.fullname" $root }}-exporter}
    {{- end }}
    {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "locust.selectorLabels" $root | nindent 10 }}
          app.kubernetes.io/component: {{ .component }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
