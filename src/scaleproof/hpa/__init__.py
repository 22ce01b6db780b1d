"""The HPA v2 algorithm with upstream's function names. Pure; time is an argument.

Upstream: k8s.io/kubernetes v1.36.3, pkg/controller/podautoscaler. One implementation serves three callers: `explain`
and the local autoscaler call these functions interpreted, the simulator's kernels call them compiled.
"""
