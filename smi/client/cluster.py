"""Which cluster is meant, and who asks: a kubeconfig, or the pod that the program runs in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smi.errors import NoCluster, Unauthorized

# Of a kubeconfig that is no YAML, lacks a part, has one of another shape, or names files and
# plugins that fail: kubernetes_asyncio checks little.
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError)
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HERE = "KUBERNETES_SERVICE_HOST"  # every pod has it


@dataclass(frozen=True, slots=True)
class Credentials:
    """The address, the keys and the token of one cluster, and the namespace of who asks."""

    configuration: Any  # kubernetes_asyncio.client.Configuration, which ships no types
    namespace: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by what names it, looked for in the order of kubectl.

    The first of: `kubeconfig`; the variable KUBECONFIG of `environment` (several files, `:`
    between them); where neither is there, in a pod its ServiceAccount in `account`; ~/.kube/config.
    `context` is one of the kubeconfig's, None its current one.
    """

    environment: Mapping[str, str]
    kubeconfig: Path | None = None
    context: str | None = None
    account: Path = _ACCOUNT

    async def credentials(self) -> Credentials:
        """What is there now; raises NoCluster. Runs the plugins that the kubeconfig names."""
        named = str(self.kubeconfig or self.environment.get("KUBECONFIG", ""))
        if not named and self.context is None and _HERE in self.environment:
            return _of_the_pod(self.environment, self.account)
        files = named or str(Path(self.environment.get("HOME", "~")) / ".kube/config")
        if not _is_there(files):
            message = f"no kubeconfig: {files} is not there; name one with KUBECONFIG"
            raise NoCluster(message)
        return await _of_the_file(files, self.context)


def _is_there(files: str) -> bool:
    return any(Path(file).expanduser().is_file() for file in files.split(":") if file)


async def _of_the_file(files: str, context: str | None) -> Credentials:
    from kubernetes_asyncio import client, config  # noqa: PLC0415 - it takes half a second
    from yaml import YAMLError  # noqa: PLC0415 - only who reads a file needs it

    configuration = client.Configuration()
    try:
        # By default it would write what plugins give into the user's file.
        loader: Any = await config.load_kube_config(
            files, context, client_configuration=configuration, persist_config=False
        )
        namespace = loader.current_context["context"].get("namespace")
    except (config.ConfigException, YAMLError, *_UNREADABLE) as error:
        message = f"the kubeconfig {files} cannot be used: {_words(error)}"
        raise NoCluster(message) from None
    configuration.refresh_api_key_hook = _renewal(loader)
    return Credentials(configuration, namespace or "default")


def _words(error: Exception) -> str:
    # Where a part is missing, kubernetes_asyncio names the rest of it, keys and tokens included;
    # the traceback of its error would do so too.
    return re.sub(r"\{.*\}", "{...}", str(error), flags=re.DOTALL) or type(error).__name__


def _of_the_pod(environment: Mapping[str, str], account: Path) -> Credentials:
    from kubernetes_asyncio import client, config  # noqa: PLC0415 - it takes half a second

    configuration = client.Configuration()
    try:
        config.load_incluster_config(  # type: ignore[no-untyped-call]
            configuration,
            token_filename=str(account / "token"),
            cert_filename=str(account / "ca.crt"),
            environ=environment,
        )
        namespace = (account / "namespace").read_text().strip()
    except (config.ConfigException, OSError) as error:
        message = f"the ServiceAccount in {account} cannot be used: {error}"
        raise NoCluster(message) from error
    configuration.refresh_api_key_hook = _stripped(configuration.refresh_api_key_hook)
    return Credentials(configuration, namespace)


def _renewal(loader: Any) -> Any:  # noqa: ANN401 - of kubernetes_asyncio, which ships no types
    """Before each call: the plugin runs again five minutes before what it gave expires."""
    from kubernetes_asyncio import config  # noqa: PLC0415 - it is there, or there were no loader

    async def renew(configuration: Any) -> None:  # noqa: ANN401 - as its loader
        if hasattr(loader, "exec_plugin_expiry"):
            try:
                await loader.load_from_exec_plugin()
            except (config.ConfigException, *_UNREADABLE) as error:
                message = f"the credentials plugin of the kubeconfig failed: {_words(error)}"
                raise Unauthorized(message) from None
            configuration.api_key["BearerToken"] = loader.token
        _strip(configuration)

    return renew


def _stripped(read: Any) -> Any:  # noqa: ANN401 - of kubernetes_asyncio too
    """Before each call: the file is read again once a minute, since the kubelet renews it."""

    def renew(configuration: Any) -> None:  # noqa: ANN401 - as its hook
        read(configuration)
        _strip(configuration)

    return renew


def _strip(configuration: Any) -> None:  # noqa: ANN401 - of kubernetes_asyncio too
    # A file ends with a newline more often than not, and no header may.
    configuration.api_key["BearerToken"] = configuration.api_key["BearerToken"].strip()
