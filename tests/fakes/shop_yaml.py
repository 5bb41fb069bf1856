"""A small shop as YAML: `web` calls `api`, and tests add what they are about.

Of the texts, `SHOP` starts with the TrafficTarget `web-api`; every document starts with its `---`.
"""

from typer.testing import CliRunner, Result

from smi.cli.main import app


def deployment(name: str, account: str, replicas: int = 1) -> str:
    return f"""---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{serviceAccountName: {account}, containers: [{{name: c, image: i}}]}}
"""


def namespace(name: str, mode: str) -> str:
    return f"""---
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, annotations: {{smi-mesh.io/mode: {mode}}}}}
"""


def service(name: str, port: int = 80) -> str:
    return f"""---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{selector: {{app: {name}}}, ports: [{{port: {port}, targetPort: 8080, name: http}}]}}
"""


def target(name: str, *rules: str, source: str = "web", account: str = "api") -> str:
    return f"""---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: {name}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: {account}}}
  rules: [{", ".join(rules)}]
  sources: [{{kind: ServiceAccount, name: {source}, namespace: shop}}]
"""


def split(name: str, matches: str = "", **weights: int) -> str:
    backends = ", ".join(
        f"{{service: {service.replace('_', '-')}, weight: {weight}}}"
        for service, weight in weights.items()
    )
    return f"""---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: {name}, namespace: shop}}
spec:
  service: api
  backends: [{backends}]
""" + (f"  matches: [{{kind: HTTPRouteGroup, name: {matches}}}]\n" if matches else "")


ROUTES = """---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api, namespace: shop}
spec:
  matches:
    - {name: items, pathRegex: /items, methods: [GET]}
"""
PORTS = """---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: admin, namespace: shop}
spec:
  matches: {ports: [9090]}
"""
BETA = """---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: beta, namespace: shop}
spec: {matches: [{name: testers, headers: [{x-beta: "1"}]}]}
"""
HTTP = "{kind: HTTPRouteGroup, name: api}"
TCP = "{kind: TCPRoute, name: admin}"
APPS = deployment("web", "web") + deployment("api", "api") + service("api")
SHOP = target("web-api", HTTP) + ROUTES + APPS


def explained(
    manifests: str, *options: str, by: str = "shop/web", to: str = "shop/api:80"
) -> Result:
    """What `smi explain` answers when it reads `manifests` from standard input."""
    question = ("explain", "-f", "-", "--from", by, "--to", to, *options)
    return CliRunner().invoke(app, question, input=manifests, catch_exceptions=False)
