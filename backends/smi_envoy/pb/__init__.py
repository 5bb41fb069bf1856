"""Envoy's protobuf messages, at the paths of their proto files: `pb.envoy.config.cluster.v3`.

hatch_build.py writes everything here but this file and `pool`. All messages, Google's well-known
ones too, live in one private pool, so that other protobuf packages of the process do not clash.
The room imports protobuf's runtime only.
"""
