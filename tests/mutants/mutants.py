"""The table: what the product might do wrong, and who would notice."""

from tests.mutants.access import ACCESS
from tests.mutants.certificates import CERTIFICATES
from tests.mutants.client import CLIENT
from tests.mutants.doors import DOORS
from tests.mutants.names import NAMES
from tests.mutants.outsiders import OUTSIDERS
from tests.mutants.proofs import PROOFS
from tests.mutants.protocols import PROTOCOLS
from tests.mutants.requests import REQUESTS
from tests.mutants.shares import SHARES
from tests.mutants.steadiness import STEADINESS
from tests.mutants.turns import TURNS
from tests.mutants.versions import VERSIONS

MUTANTS = (
    *REQUESTS,
    *ACCESS,
    *VERSIONS,
    *DOORS,
    *SHARES,
    *OUTSIDERS,
    *CERTIFICATES,
    *PROOFS,
    *TURNS,
    *CLIENT,
    *PROTOCOLS,
    *STEADINESS,
    *NAMES,
)
