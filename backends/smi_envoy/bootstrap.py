"""What an Envoy is started with: who it is, where its control plane is, how it proves itself."""

from typing import Any

CONTROL_PLANE = "smi-control-plane"
TOKEN_SECRET = "control-plane-token"  # noqa: S105 - a name
ADMIN_SOCKET = "admin.sock"
TOKEN = "token"  # noqa: S105 - a file name
TOKEN_FILE_SECRET = "token.json"  # noqa: S105 - a file name

PRIVATE = 0o600

# Envoy takes no regex of a program larger than 100 unless told; this admits what any real path or
# header regex needs, and a larger one is refused before it comes here.
LARGEST_REGEX = 10_000

_TYPE = "type.googleapis.com/"
_CREDENTIAL_INJECTOR = "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(node: str, cluster: str, directory: str, control_plane: str) -> dict[str, Any]:
    """The bootstrap of the proxy `node`, whose files are in `directory`.

    `control_plane` is the path of the Unix socket that serves the aggregated stream.
    """
    return {
        "node": {"id": node, "cluster": cluster},
        "admin": {"address": {"pipe": {"path": f"{directory}/{ADMIN_SOCKET}", "mode": PRIVATE}}},
        "dynamic_resources": {
            "ads_config": _stream(),
            "cds_config": _over_ads(),
            "lds_config": _over_ads(),
        },
        "static_resources": {"clusters": [_control_plane(directory, control_plane)]},
        "layered_runtime": {
            "layers": [
                {
                    "name": "smi",
                    "static_layer": {
                        "re2.max_program_size.error_level": LARGEST_REGEX,
                        "re2.max_program_size.warn_level": LARGEST_REGEX,
                    },
                }
            ]
        },
        # Labels are named where a statistic is; nothing is to be guessed out of its name.
        "stats_config": {"use_all_default_tags": False},
    }


def token_secret(directory: str) -> dict[str, Any]:
    """The file secret that hands the token in `directory` to the stream, anew when it changes."""
    return {
        "resources": [
            {
                "@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.Secret",
                "name": TOKEN_SECRET,
                "generic_secret": {
                    "secret": {
                        "filename": f"{directory}/{TOKEN}",
                        "watched_directory": {"path": directory},
                    }
                },
            }
        ]
    }


def _stream() -> dict[str, Any]:
    backoff = {"base_interval": "0.2s", "max_interval": "2s"}  # the control plane is a neighbour
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {
                    "cluster_name": CONTROL_PLANE,
                    "retry_policy": {"retry_back_off": backoff},
                }
            }
        ],
    }


def _over_ads() -> dict[str, Any]:
    """No limit on the first answer: a proxy that was told nothing must not go live."""
    return {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}


def _control_plane(directory: str, path: str) -> dict[str, Any]:
    keepalive = {"interval": "30s", "timeout": "5s"}
    return {
        "name": CONTROL_PLANE,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": _TYPE + _HTTP_OPTIONS,
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": keepalive}
                },
                "http_filters": [_credentials(directory), _codec()],
            }
        },
        "load_assignment": {
            "cluster_name": CONTROL_PLANE,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": path}}}}]}],
        },
    }


def _credentials(directory: str) -> dict[str, Any]:
    source = {
        "path_config_source": {"path": f"{directory}/{TOKEN_FILE_SECRET}"},
        "resource_api_version": "V3",
    }
    credential = {
        "@type": f"{_TYPE}envoy.extensions.http.injected_credentials.generic.v3.Generic",
        "credential": {"name": TOKEN_SECRET, "sds_config": source},
        "header": "authorization",
        "header_value_prefix": "Bearer ",
    }
    return {
        "name": "token",
        "typed_config": {
            "@type": _TYPE + _CREDENTIAL_INJECTOR,
            "overwrite": True,
            "credential": {
                "name": "envoy.http.injected_credentials.generic",
                "typed_config": credential,
            },
        },
    }


def _codec() -> dict[str, Any]:
    """The last filter of a cluster, always."""
    return {
        "name": "codec",
        "typed_config": {
            "@type": f"{_TYPE}envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
        },
    }
