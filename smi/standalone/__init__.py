"""The mesh on one machine: pods as processes, each with a sidecar, from ordinary manifests.

`environment`, `plan`, `rollout` and `view` are pure; `state_directory`, `processes`, `pod`,
`screen` and `run` touch the machine. May import the compiler and the sources. Never: a data plane
(it is handed one), the command line, the process's own environment, clock or randomness.
"""
