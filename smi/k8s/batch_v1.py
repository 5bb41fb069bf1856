"""batch/v1: workloads that end."""

from typing import Literal

from smi.k8s.core_v1 import PodTemplateSpec
from smi.k8s.resource import Resource
from smi.k8s.shape import Count, Shape


class JobSpec(Shape):
    """What the job's pods look like, and how many run at once (None means one)."""

    parallelism: Count | None = None
    template: PodTemplateSpec


class Job(Resource):
    """A job."""

    api_version: Literal["batch/v1"] = "batch/v1"
    kind: Literal["Job"] = "Job"
    spec: JobSpec
