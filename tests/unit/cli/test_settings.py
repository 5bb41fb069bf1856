import os
import socket
from pathlib import Path

from smi.cli import settings


def test_the_state_is_kept_where_the_user_has_a_place_of_their_own() -> None:
    assert settings.state_directory({"XDG_RUNTIME_DIR": "/run/user/7"}) == Path(
        "/run/user/7/smi-mesh"
    )
    assert settings.state_directory({}) == Path(f"/tmp/smi-mesh-{os.getuid()}")


def test_a_port_is_free_unless_somebody_listens_there_or_everywhere() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        assert not settings.is_free("127.0.0.2", port)
        assert not settings.is_free("0.0.0.0", port)
        assert settings.is_free("127.0.0.3", port)
    with socket.create_server(("0.0.0.0", port)):
        assert not settings.is_free("127.0.0.3", port)


def test_no_two_runs_share_a_salt() -> None:
    assert settings.salt() != settings.salt()
