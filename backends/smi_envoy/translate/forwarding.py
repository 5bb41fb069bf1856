"""How a pod's HTTP proxy sends on what no upstream of the mesh takes: tunnels, and other hosts.

The filters for it are there for every request and asleep; a route that needs one wakes it.
"""

from collections.abc import Mapping

from smi.model.identity import PodUid
from smi_envoy.pb.envoy.config.cluster.v3 import cluster_pb2
from smi_envoy.pb.envoy.config.core.v3 import address_pb2, base_pb2, extension_pb2
from smi_envoy.pb.envoy.config.rbac.v3 import rbac_pb2 as policy_pb2
from smi_envoy.pb.envoy.config.route.v3 import route_components_pb2
from smi_envoy.pb.envoy.extensions.clusters.dynamic_forward_proxy.v3 import (
    cluster_pb2 as forward_pb2,
)
from smi_envoy.pb.envoy.extensions.common.dynamic_forward_proxy.v3 import dns_cache_pb2
from smi_envoy.pb.envoy.extensions.filters.http.dynamic_forward_proxy.v3 import (
    dynamic_forward_proxy_pb2,
)
from smi_envoy.pb.envoy.extensions.filters.http.rbac.v3 import rbac_pb2
from smi_envoy.pb.envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from smi_envoy.pb.envoy.extensions.network.dns_resolver.getaddrinfo.v3 import (
    getaddrinfo_dns_resolver_pb2,
)
from smi_envoy.pb.envoy.extensions.rbac.matchers.upstream_ip_port.v3 import (
    upstream_ip_port_matcher_pb2,
)
from smi_envoy.pb.google.protobuf import any_pb2, wrappers_pb2
from smi_envoy.translate import clusters, names
from smi_envoy.translate.messages import packed, untyped
from smi_envoy.translate.statistics import where

CONNECT = "CONNECT"

SHOWN = "shown"
"""The filter that has a tunnel show the server name of the pod that opens it."""

RENAMED = "renamed"
"""The filter that has a request go to the host and port in the metadata of its route."""

RESOLVED = "resolved"
"""The filter that looks the host up in DNS."""

NO_LOOPBACK = "no-loopback"
"""The filter that refuses, by the address that was found, what is on this machine alone."""

SERVER_NAME = "envoy.network.upstream_server_name"
"""What a connection to a peer shows as its server name, in place of what the cluster says."""

METADATA = "smi-mesh"

_DNS_FAILURE = "dns_resolution_failure"

# What the machine keeps to itself, and the link, where clouds serve credentials (169.254.169.254).
# An IPv4 address may be written as one of IPv6.
_OWN = (
    *("127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "::/128", "::1/128", "fe80::/10"),
    *("::ffff:127.0.0.0/104", "::ffff:0.0.0.0/104", "::ffff:169.254.0.0/112"),
)

# Of one proxy at a time. Each is forgotten when nobody asked for it for 5 minutes (Envoy's own).
_MOST_HOSTS = 10_000
_RESOLVERS = 4  # threads: a name that nobody answers for must not hold up all others

_HTTP_STATE = "envoy.extensions.filters.http.set_filter_state.v3.Config"


def filters(uid: PodUid) -> list[hcm_pb2.HttpFilter]:
    """The filters of the proxy of the pod `uid`, in their order; all of them asleep."""
    shown = {SERVER_NAME: names.tcp_sni(uid)}
    renamed = {
        f"envoy.upstream.dynamic_{part}": f"%METADATA(ROUTE:{METADATA}:{part})%"
        for part in ("host", "port")
    }
    resolved = dynamic_forward_proxy_pb2.FilterConfig(
        dns_cache_config=_cache(),
        save_upstream_address=True,
        allow_dynamic_host_from_filter_state=True,
    )
    return [
        _asleep(SHOWN, _states(shown)),
        _asleep(RENAMED, _states(renamed)),
        _asleep(RESOLVED, packed(resolved)),
        _asleep(NO_LOOPBACK, packed(_loopback_denied())),
    ]


def woken(*asleep: str) -> dict[str, any_pb2.Any]:
    """What a route says to have the filters `asleep` work."""
    awake = route_components_pb2.FilterConfig(config=any_pb2.Any())
    return {name: packed(awake) for name in asleep}


def renamed(host: str, port: int) -> base_pb2.Metadata:
    """What a route says for `RENAMED`."""
    found = base_pb2.Metadata()
    found.filter_metadata[METADATA].update({"host": host, "port": str(port)})
    return found


def replies() -> list[hcm_pb2.ResponseMapper]:
    """What the proxy says where the filters let nothing through."""
    return [
        _reply(
            f"response.code_details == 'rbac_access_denied_matched_policy[{names.LOOPBACK}]'",
            f"smi-mesh: {names.LOOPBACK}: this host is an address of the machine itself, or of its"
            " link. A sidecar leads to no such address; a process dials its own machine itself.\n",
        ),
        _reply(
            f"response.code_details.startsWith('{_DNS_FAILURE}')",
            "smi-mesh: NoSuchHost: this host is no name of the mesh, and DNS has no address for"
            " it.\n",
        ),
    ]


def external() -> cluster_pb2.Cluster:
    """Every host outside the mesh, at the address that DNS has for it."""
    # What Envoy calls insecure: no server name of its own choice. Without TLS there is none.
    config = forward_pb2.ClusterConfig(
        dns_cache_config=_cache(), allow_insecure_cluster_options=True
    )
    return clusters.of_hosts(names.EXTERNAL, "envoy.clusters.dynamic_forward_proxy", packed(config))


def _cache() -> dns_cache_pb2.DnsCacheConfig:
    """The same wherever it is named, or Envoy would not share it."""
    resolver = getaddrinfo_dns_resolver_pb2.GetAddrInfoDnsResolverConfig(
        num_resolver_threads=wrappers_pb2.UInt32Value(value=_RESOLVERS)
    )
    return dns_cache_pb2.DnsCacheConfig(
        name=names.EXTERNAL,
        dns_lookup_family=cluster_pb2.Cluster.DnsLookupFamily.V4_PREFERRED,
        max_hosts=wrappers_pb2.UInt32Value(value=_MOST_HOSTS),
        typed_dns_resolver_config=extension_pb2.TypedExtensionConfig(
            name="envoy.network.dns_resolver.getaddrinfo", typed_config=packed(resolver)
        ),
    )


def _states(values: Mapping[str, str]) -> any_pb2.Any:
    states = [
        {"object_key": key, "format_string": {"text_format_source": {"inline_string": value}}}
        for key, value in values.items()
    ]
    return untyped(_HTTP_STATE, {"on_request_headers": states})


def _asleep(name: str, config: any_pb2.Any) -> hcm_pb2.HttpFilter:
    return hcm_pb2.HttpFilter(name=name, typed_config=config, disabled=True)


def _loopback_denied() -> rbac_pb2.RBAC:
    """What is not there, since no host was looked up, is none of these addresses."""
    permissions = [_to(*prefix.split("/")) for prefix in _OWN]
    policy = policy_pb2.Policy(permissions=permissions, principals=[policy_pb2.Principal(any=True)])
    action = policy_pb2.RBAC.Action.DENY
    return rbac_pb2.RBAC(rules=policy_pb2.RBAC(action=action, policies={names.LOOPBACK: policy}))


def _to(address: str, length: str) -> policy_pb2.Permission:
    prefix = address_pb2.CidrRange(
        address_prefix=address, prefix_len=wrappers_pb2.UInt32Value(value=int(length))
    )
    matcher = upstream_ip_port_matcher_pb2.UpstreamIpPortMatcher(upstream_ip=prefix)
    found = policy_pb2.Permission()
    found.matcher.name = "address"
    found.matcher.typed_config.CopyFrom(packed(matcher))
    return found


def _reply(expression: str, body: str) -> hcm_pb2.ResponseMapper:
    return hcm_pb2.ResponseMapper(
        filter=where(expression), body=base_pb2.DataSource(inline_string=body)
    )
