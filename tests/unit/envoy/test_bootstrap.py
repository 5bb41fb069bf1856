import json

from google.protobuf import json_format

from smi_envoy import bootstrap
from smi_envoy.pb import pool
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from tests.xds_json import values

SAID = bootstrap.bootstrap("shop/web-0", "shop/web", "/d", "/state/ads.sock")


def test_proxy_says_who_it_is() -> None:
    assert SAID["node"] == {"id": "shop/web-0", "cluster": "shop/web"}


def test_admin_socket_is_the_owners() -> None:
    assert SAID["admin"]["address"]["pipe"] == {"path": "/d/admin.sock", "mode": 0o600}


def test_proxy_does_not_go_live_untold() -> None:
    assert list(values(SAID, "initial_fetch_timeout")) == ["0s", "0s"]


def test_stream_carries_the_token_over_the_socket() -> None:
    (cluster,) = SAID["static_resources"]["clusters"]
    assert {"pipe": {"path": "/state/ads.sock"}} in list(values(cluster, "address"))
    filters = [f["name"] for f in next(values(cluster, "http_filters"))]
    assert filters == ["token", "codec"]
    assert list(values(cluster, "path_config_source")) == [{"path": "/d/token.json"}]


def test_regexes_of_any_real_size_are_taken() -> None:
    (layer,) = SAID["layered_runtime"]["layers"]
    assert set(layer["static_layer"].values()) == {bootstrap.LARGEST_REGEX}


def test_token_is_read_again_when_its_directory_changes() -> None:
    said = bootstrap.token_secret("/d")
    json_format.ParseDict(said, discovery_pb2.DiscoveryResponse(), descriptor_pool=pool.POOL)
    (secret,) = values(said, "secret")
    assert secret == {"filename": "/d/token", "watched_directory": {"path": "/d"}}
    assert json.dumps(said)
