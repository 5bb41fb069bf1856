import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smi.cli.main import app

pytestmark = pytest.mark.envoy

SHOP = Path(__file__).parents[3] / "examples" / "shop"


def test_a_proxy_of_the_shop_is_shown_without_keys() -> None:
    result = CliRunner().invoke(app, ["compile", "-f", str(SHOP), "--proxy", "shop/front-0"])
    assert result.exit_code == 0
    configuration = json.loads(result.stdout)
    assert "shop/catalog-v1:80|http" in configuration["Cluster"]
    assert configuration["Listener"]
    assert "PRIVATE KEY" not in result.stdout
    assert "Bearer" not in result.stdout
