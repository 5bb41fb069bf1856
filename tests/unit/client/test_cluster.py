"""Which cluster is meant."""

import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from smi.client.cluster import Cluster
from smi.errors import NoCluster

CONFIG = """
current-context: here
clusters: [{name: c, cluster: {server: "http://10.0.0.1:6443"}}]
users: [{name: u, user: {token: "secret\\n"}}]
contexts:
- {name: here, context: {cluster: c, user: u, namespace: shop}}
- {name: bare, context: {cluster: c, user: u}}
"""
POD = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def account(tmp_path: Path) -> Path:
    for name, text in (("token", "projected\n"), ("ca.crt", "PEM\n"), ("namespace", "pay\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


async def token_of(cluster: Cluster) -> str:
    found = await cluster.credentials()
    return str(await found.configuration.get_api_key_with_prefix("BearerToken"))


async def test_kubeconfig_names_address_token_and_namespace(file: Path) -> None:
    cluster = Cluster({"KUBECONFIG": f"/not/there:{file}"})
    found = await cluster.credentials()
    assert (found.configuration.host, found.namespace) == ("http://10.0.0.1:6443", "shop")
    assert await token_of(cluster) == "Bearer secret"


async def test_context_without_a_namespace_is_in_default(file: Path) -> None:
    assert (await Cluster({}, file, "bare").credentials()).namespace == "default"


async def test_kubeconfig_of_the_home_is_the_last_resort(file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(file.parent, home / ".kube")
    assert (await Cluster({"HOME": str(home)}).credentials()).namespace == "shop"


async def test_pod_uses_its_service_account(account: Path) -> None:
    cluster = Cluster(POD, account=account)
    found = await cluster.credentials()
    assert (found.configuration.host, found.namespace) == ("https://[fd00::1]:443", "pay")
    assert await token_of(cluster) == "Bearer projected"


async def test_kubeconfig_counts_before_the_service_account(file: Path, account: Path) -> None:
    cluster = Cluster(POD | {"KUBECONFIG": str(file)}, account=account)
    assert (await cluster.credentials()).namespace == "shop"


async def test_pod_without_a_service_account_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match=r"the ServiceAccount in .* cannot be used"):
        await Cluster(POD, account=tmp_path).credentials()


async def test_missing_kubeconfig_is_told() -> None:
    with pytest.raises(NoCluster, match="no kubeconfig: /not/there is not there"):
        await Cluster({"KUBECONFIG": "/not/there"}).credentials()


@pytest.mark.parametrize(
    ("text", "context", "told"),
    [
        ("{", None, "while parsing"),
        ("", None, "NoneType"),
        ("[]", None, "list"),
        (CONFIG, "other", "name other"),
        (CONFIG.replace("cluster: c,", "cluster: d,"), None, "name d"),
        (CONFIG.replace("token:", "tokenFile:"), None, "No such file"),
    ],
)
async def test_kubeconfig_that_cannot_be_used_is_told(
    tmp_path: Path, text: str, context: str | None, told: str
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(NoCluster, match=rf"the kubeconfig {file} cannot be used: .*{told}"):
        await Cluster({}, file, context).credentials()


async def test_kubeconfig_that_cannot_be_used_tells_no_secret(tmp_path: Path) -> None:
    provider = "auth-provider: {name: oidc, config: {refresh-token: hush}}"
    file = tmp_path / "config"
    file.write_text(CONFIG.replace('token: "secret\\n"', provider))
    with pytest.raises(NoCluster, match="Expected key client-id in") as caught:
        await Cluster({}, file).credentials()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_nobody_loads_the_kubernetes_client_who_asks_no_cluster() -> None:
    code = (
        "import sys; import smi, smi.client.client;"
        "print(*{'aiohttp', 'kubernetes_asyncio'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "\n"
